from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('registry', '0003_violating_prompts_are_asked_again'),
    ]

    operations = [
        migrations.AlterField(
            model_name='modelversion',
            name='kind',
            field=models.CharField(choices=[('policy', 'policy'), ('helpfulness_reward', 'helpfulness reward model'), ('safety_reward', 'safety reward model'), ('classifier', 'refusal classifier')], max_length=30),
        ),
        migrations.AlterField(
            model_name='run',
            name='kind',
            field=models.CharField(choices=[('sft', 'supervised fine-tuning'), ('reward_model', 'reward model training'), ('dpo', 'direct preference optimization'), ('rejection_sampling', 'rejection sampling fine-tuning'), ('ppo', 'proximal policy optimization'), ('ghost_attention', 'ghost attention'), ('context_distillation', 'safety context distillation'), ('campaign_sampling', "sampling of a campaign's answers"), ('scoring', 'scoring by a reward model'), ('collection', "collection of an iteration's batch"), ('policy_evaluation', "evaluation of an iteration's policies"), ('reasking', 'asking violating prompts again'), ('refusal_classifier', 'refusal classifier training'), ('diversity', 'Self-BLEU against temperature'), ('safety_scaling', 'safety data scaling')], max_length=30),
        ),
    ]
