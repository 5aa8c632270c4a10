"""Places get their project, their priority and a random order of their own: empty first, see 0004."""

import django.db.models.deletion
from django.db import migrations, models

import annotation.models.items


class Migration(migrations.Migration):
    dependencies = [("annotation", "0002_workplace")]

    operations = [
        migrations.AddField(
            "assignment",
            "project",
            models.ForeignKey(
                "annotation.Project", django.db.models.deletion.CASCADE, related_name="assignments", null=True
            ),
        ),
        migrations.AddField(
            "assignment",
            "priority",
            models.SmallIntegerField(default=0, editable=False, help_text="The item's; see assigning.prioritise."),
        ),
        migrations.AddField(
            "assignment",
            "shuffle",
            models.PositiveIntegerField(
                default=annotation.models.items.shuffled,
                editable=False,
                help_text="Where it lies in the project's random order.",
            ),
        ),
        migrations.AddField(
            "assignment",
            "reopened_at",
            models.DateTimeField(blank=True, null=True, help_text="When it last came into hand to be revised."),
        ),
    ]
