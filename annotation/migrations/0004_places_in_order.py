"""Places take project and priority after their items, and the next one is found by an index."""

import django.db.models.deletion
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import BigIntegerField, F, OuterRef, Subquery
from django.db.models.functions import Cast, Mod

KNUTH, SHUFFLES = 2_654_435_761, 2**31


def take_after_items(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """A multiplicative hash of the primary key is random enough an order for the places that are there."""
    places, items = apps.get_model("annotation", "Assignment"), apps.get_model("annotation", "Item")
    item = items.objects.filter(pk=OuterRef("item_id"))
    places.objects.update(
        project_id=Subquery(item.values("project_id")[:1]),
        priority=Subquery(item.values("priority")[:1]),
        shuffle=Mod(Cast(F("pk"), BigIntegerField()) * KNUTH, SHUFFLES),
    )
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # the table is altered next, in the same transaction


class Migration(migrations.Migration):
    dependencies = [("annotation", "0003_places_know_their_order")]

    operations = [
        migrations.RunPython(take_after_items, migrations.RunPython.noop),
        migrations.AlterField(
            "assignment",
            "project",
            models.ForeignKey(
                "annotation.Project",
                django.db.models.deletion.CASCADE,
                related_name="assignments",
                editable=False,
                help_text="The item's: work is found by an index over project, status and order.",
            ),
        ),
        migrations.RemoveIndex("assignment", "annotation__status_46073c_idx"),
        migrations.AddIndex(
            "assignment",
            models.Index(fields=["project", "status", "-priority", "shuffle"], name="places_in_random_order"),
        ),
        migrations.AddIndex(
            "assignment",
            models.Index(fields=["project", "status", "-priority", "item"], name="places_oldest_item_first"),
        ),
        migrations.AddIndex("prompt", models.Index(fields=["author", "digest"], name="prompts_by_their_author")),
    ]
