import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('annotation', '0008_comparisons_by_annotator'),
        ('evaluation', '0002_iterations'),
        ('registry', '0004_safety_runs'),
    ]

    operations = [
        migrations.CreateModel(
            name='Refusal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('logit', models.FloatField()),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('model_version', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='refusals', to='registry.modelversion')),
                ('response', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='refusals', to='annotation.response')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('model_version', 'response'), name='one_refusal_per_classifier')],
            },
        ),
    ]
