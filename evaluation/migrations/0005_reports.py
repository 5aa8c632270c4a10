from django.db import migrations, models
import django.db.models.deletion

SQLITE = """
CREATE TRIGGER a_published_report_never_changes BEFORE UPDATE ON evaluation_report
BEGIN SELECT RAISE(ABORT, 'a published report never changes'); END
"""
POSTGRESQL = """
CREATE FUNCTION refuse_to_change_a_report() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'a published report never changes' USING ERRCODE = 'integrity_constraint_violation'; END $$;
CREATE TRIGGER a_published_report_never_changes BEFORE UPDATE ON evaluation_report
FOR EACH ROW EXECUTE FUNCTION refuse_to_change_a_report();
"""
POSTGRESQL_BACK = """
DROP TRIGGER a_published_report_never_changes ON evaluation_report;
DROP FUNCTION refuse_to_change_a_report();
"""


def refuse_changes(apps, schema_editor):
    schema_editor.execute(SQLITE if schema_editor.connection.vendor == 'sqlite' else POSTGRESQL)


def allow_changes(apps, schema_editor):
    sqlite = schema_editor.connection.vendor == 'sqlite'
    schema_editor.execute('DROP TRIGGER a_published_report_never_changes' if sqlite else POSTGRESQL_BACK)


class Migration(migrations.Migration):

    dependencies = [
        ('evaluation', '0004_judgements'),
    ]

    operations = [
        migrations.CreateModel(
            name='KeptReport',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('fingerprint', models.CharField(max_length=64)),
                ('html', models.TextField()),
                ('json', models.TextField()),
                ('csv', models.TextField()),
                ('made_at', models.DateTimeField(auto_now=True)),
                ('campaign', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='kept_report', to='evaluation.campaign')),
            ],
        ),
        migrations.CreateModel(
            name='Report',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('as_of', models.DateTimeField(help_text='When its data were collected.')),
                ('published_by', models.CharField(blank=True, help_text='The name; people may go, the report stays.', max_length=150)),
                ('note', models.CharField(blank=True, help_text='Why it was published, for its readers.', max_length=500)),
                ('software', models.CharField(help_text='The digest of the code that made it.', max_length=64)),
                ('digest', models.CharField(help_text="SHA-256 of the snapshot's content.", max_length=64)),
                ('snapshot', models.BinaryField()),
                ('html', models.TextField()),
                ('json', models.TextField()),
                ('csv', models.TextField()),
                ('campaign', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='reports', to='evaluation.campaign')),
            ],
            options={
                'ordering': ['campaign', '-number'],
                'constraints': [models.UniqueConstraint(fields=('campaign', 'number'), name='one_report_per_number')],
            },
        ),
        migrations.RunPython(refuse_changes, allow_changes),
    ]
