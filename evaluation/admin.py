"""The admin's pages of campaigns and of the scores that reward models gave."""

from django.contrib import admin
from django.http import HttpRequest

from evaluation.models import Campaign, Score
from modeling.registry.admin import ReadOnlyAdmin


@admin.register(Campaign)
class CampaignAdmin(admin.ModelAdmin):
    list_display = ["name", "slug", "project", "created_at"]
    list_select_related = ["project"]
    search_fields = ["name", "slug"]
    date_hierarchy = "created_at"
    autocomplete_fields = ["project", "model_versions"]

    def get_readonly_fields(self, request: HttpRequest, obj: Campaign | None = None) -> list[str]:
        """What runs, addresses and judgements refer to stays as it was made."""
        return ["slug", "project"] if obj else []


@admin.register(Score)
class ScoreAdmin(ReadOnlyAdmin):
    list_display = ["model_version", "response", "value", "created_at"]
    list_select_related = ["model_version", "response"]
    search_fields = ["model_version__name"]
    date_hierarchy = "created_at"
