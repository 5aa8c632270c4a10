"""Prompts that annotators wrote were stored without their side of the split, and so never trained or tested a model."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from annotation.models.prompts import split_of


def fill(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    prompts = apps.get_model("annotation", "Prompt")
    for prompt in prompts.objects.filter(split="").only("messages").iterator(chunk_size=500):
        prompts.objects.filter(pk=prompt.pk).update(split=split_of(prompt.messages))


class Migration(migrations.Migration):
    dependencies = [("annotation", "0004_places_in_order")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
