"""The admin's pages of campaigns, of what reward models and judge models said, and of the loop's iterations."""

from django.contrib import admin
from django.http import HttpRequest

from evaluation.models import Campaign, Iteration, Judgement, JudgeTemplate, KeptReport, Refusal, Report, Score, Stage
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


@admin.register(Report)
class ReportAdmin(ReadOnlyAdmin):
    list_display = ["campaign", "number", "as_of", "published_by", "digest"]
    list_select_related = ["campaign"]
    search_fields = ["campaign__slug", "note"]
    date_hierarchy = "as_of"
    exclude = ["html", "json", "csv"]


@admin.register(KeptReport)
class KeptReportAdmin(ReadOnlyAdmin):
    list_display = ["campaign", "fingerprint", "made_at"]
    list_select_related = ["campaign"]
    search_fields = ["campaign__slug"]
    date_hierarchy = "made_at"
    exclude = ["html", "json", "csv"]


@admin.register(Score)
class ScoreAdmin(ReadOnlyAdmin):
    list_display = ["model_version", "response", "value", "created_at"]
    list_select_related = ["model_version", "response"]
    search_fields = ["model_version__name"]
    date_hierarchy = "created_at"


@admin.register(Refusal)
class RefusalAdmin(ReadOnlyAdmin):
    list_display = ["model_version", "response", "logit", "created_at"]
    list_select_related = ["model_version", "response"]
    search_fields = ["model_version__name"]
    date_hierarchy = "created_at"


@admin.register(JudgeTemplate)
class JudgeTemplateAdmin(ReadOnlyAdmin):
    list_display = ["name", "digest", "points", "temperature", "created_at"]
    search_fields = ["name", "digest"]
    date_hierarchy = "created_at"


@admin.register(Judgement)
class JudgementAdmin(ReadOnlyAdmin):
    list_display = ["judge", "template", "first", "second", "points", "preference", "failure", "created_at"]
    list_filter = ["template__name"]
    list_select_related = ["judge", "template", "first", "second"]
    search_fields = ["judge__name", "failure"]
    date_hierarchy = "created_at"


@admin.register(Iteration)
class IterationAdmin(ReadOnlyAdmin):
    list_display = ["number", "helpfulness_project", "safety_project", "base", "started_at", "finished_at"]
    list_select_related = ["helpfulness_project", "safety_project", "base"]
    search_fields = ["helpfulness_project__slug", "safety_project__slug", "base__name"]
    date_hierarchy = "started_at"


@admin.register(Stage)
class StageAdmin(ReadOnlyAdmin):
    list_display = ["name", "iteration", "run"]
    list_filter = ["name"]
    list_select_related = ["iteration__helpfulness_project", "iteration__safety_project", "run"]
    search_fields = ["run__name", "iteration__helpfulness_project__slug", "iteration__safety_project__slug"]
