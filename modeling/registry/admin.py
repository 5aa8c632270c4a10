"""The admin's pages of models, runs and workers. What a run or a command wrote is to be read there, not edited."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from modeling.registry.models import ModelVersion, Run, RunMetric, Worker


class ReadOnlyAdmin(admin.ModelAdmin):
    """A table that only the program writes: nothing is added, changed or deleted by hand."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(ModelVersion)
class ModelVersionAdmin(admin.ModelAdmin):
    """Versions are made by runs and by the registering command; here a person describes, promotes and retires them."""

    list_display = ["name", "kind", "backend", "stage", "parameters", "licence", "created_at"]
    list_filter = ["kind", "backend", "stage"]
    search_fields = ["name", "description", "digest"]
    date_hierarchy = "created_at"
    fields = [
        "name", "kind", "backend", "stage", "licence", "description",
        "path", "digest", "parameters", "parents", "figures", "created_at",
    ]  # fmt: skip
    readonly_fields = [
        "name", "kind", "backend", "path", "digest", "parameters", "parents", "figures", "created_at",
    ]  # fmt: skip

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    list_display = ["pk", "kind", "name", "status", "progress", "output", "created_by", "queued_at", "finished_at"]
    list_display_links = ["pk", "name"]
    list_filter = ["status", "kind"]
    list_select_related = ["output", "created_by"]
    search_fields = ["name", "data_digest", "output__name"]
    date_hierarchy = "queued_at"


@admin.register(RunMetric)
class RunMetricAdmin(ReadOnlyAdmin):
    list_display = ["run", "step", "name", "value"]
    list_select_related = ["run"]
    search_fields = ["run__name", "name"]


@admin.register(Worker)
class WorkerAdmin(ReadOnlyAdmin):
    list_display = ["name", "seen_at"]
    search_fields = ["name"]
    date_hierarchy = "seen_at"
