"""The admin's pages of what people say. Judgements, and what they rest on, are to be read there, never edited."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db import models
from django.db.models.functions import Cast
from django.http import HttpRequest

from annotation import assigning
from annotation.models import (
    Adjudication,
    Assignment,
    Batch,
    Comparison,
    DatasetSnapshot,
    Demonstration,
    Dialogue,
    Draft,
    Flag,
    Gold,
    GuidelineReading,
    GuidelineVersion,
    Item,
    PoolEntry,
    Preference,
    Project,
    Prompt,
    QualificationAttempt,
    QualificationQuestion,
    QualificationStep,
    Rating,
    RedTeamAttempt,
    Reply,
    Response,
    Review,
    Skip,
    StaleTally,
    Standing,
    Tally,
)
from modeling.registry.admin import ReadOnlyAdmin


class ReadOnlyInline(admin.TabularInline):
    """Rows shown beside the one that they belong to."""

    extra = 0
    can_delete = False
    show_change_link = True

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields or []

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class BatchInline(admin.TabularInline):
    model = Batch
    extra = 0
    fields = ["number", "name", "target", "opened_at", "closed_at"]
    readonly_fields = ["opened_at"]


class PoolEntryInline(admin.TabularInline):
    model = PoolEntry
    extra = 0
    autocomplete_fields = ["model_version"]


class AssignmentInline(ReadOnlyInline):
    model = Assignment
    fields = ["status", "annotator", "leased_until", "submitted_at"]


class PreferenceInline(ReadOnlyInline):
    model = Preference
    fields = [
        "revision", "current", "choice", "points", "scale", "a_safe", "b_safe", "seconds", "submitted_at",
    ]  # fmt: skip


@admin.register(Project)
class ProjectAdmin(admin.ModelAdmin):
    list_display = ["name", "slug", "task_type", "dimension", "target", "overlap", "created_at", "archived_at"]
    list_filter = ["task_type", "dimension"]
    search_fields = ["name", "slug"]
    date_hierarchy = "created_at"
    autocomplete_fields = ["annotators"]
    raw_id_fields = ["created_by"]
    inlines = [BatchInline, PoolEntryInline]

    def get_readonly_fields(self, request: HttpRequest, obj: Project | None = None) -> list[str]:
        """What is collected is collected for one task on one dimension, and runs know their project by its slug."""
        return ["slug", "task_type", "dimension"] if obj else []

    def get_prepopulated_fields(self, request: HttpRequest, obj: Project | None = None) -> dict[str, Sequence[str]]:
        return {} if obj else {"slug": ["name"]}


@admin.register(GuidelineVersion)
class GuidelineVersionAdmin(admin.ModelAdmin):
    """A published version stays as it is, since judgements refer to it: a change of the text is a new version."""

    list_display = ["project", "number", "created_by", "created_at"]
    list_filter = ["project"]
    list_select_related = ["project", "created_by"]
    search_fields = ["project__name", "text"]
    date_hierarchy = "created_at"
    autocomplete_fields = ["project"]
    raw_id_fields = ["created_by"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Batch)
class BatchAdmin(admin.ModelAdmin):
    list_display = ["project", "number", "name", "target", "opened_at", "closed_at"]
    list_filter = ["project", ("closed_at", admin.EmptyFieldListFilter)]
    list_select_related = ["project"]
    search_fields = ["project__name", "name"]
    date_hierarchy = "opened_at"
    autocomplete_fields = ["project"]


@admin.register(PoolEntry)
class PoolEntryAdmin(admin.ModelAdmin):
    list_display = ["project", "model_version", "temperature", "top_p", "max_new_tokens", "active"]
    list_filter = ["active", "project"]
    list_select_related = ["project", "model_version"]
    search_fields = ["project__name", "model_version__name"]
    autocomplete_fields = ["project", "model_version"]


@admin.register(Prompt)
class PromptAdmin(admin.ModelAdmin):
    """What a prompt says is fixed when it is stored; how it is classified may be mended."""

    list_display = ["pk", "__str__", "project", "split", "source", "created_at"]
    list_display_links = ["pk", "__str__"]
    list_filter = ["split", "project"]
    list_select_related = ["project"]
    search_fields = ["words", "external_id", "category"]
    date_hierarchy = "created_at"
    show_full_result_count = False
    fields = [
        "project", "batch", "messages", "split", "digest", "category", "risk_category", "attack_vector",
        "source", "external_id", "author", "created_at",
    ]  # fmt: skip
    readonly_fields = [
        "project", "batch", "messages", "split", "digest", "source", "external_id", "author", "created_at",
    ]  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        return super().get_queryset(request).annotate(words=Cast("messages", models.TextField()))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


@admin.register(Item)
class ItemAdmin(ReadOnlyAdmin):
    """Items are made by imports and campaigns; which of them are given out first may be said here."""

    list_display = ["pk", "project", "batch", "priority", "created_at", "prompt"]
    list_filter = ["project", "priority"]
    list_select_related = ["project", "batch__project", "prompt"]
    search_fields = ["project__name", "prompt__external_id"]
    date_hierarchy = "created_at"
    inlines = [AssignmentInline]
    actions = ["give_out_first", "give_out_as_usual", "give_out_last"]

    @admin.action(description="Give out before the others", permissions=["prioritise"])
    def give_out_first(self, request: HttpRequest, items: models.QuerySet[Item]) -> None:
        self.prioritise(request, items, 10)

    @admin.action(description="Give out as usual", permissions=["prioritise"])
    def give_out_as_usual(self, request: HttpRequest, items: models.QuerySet[Item]) -> None:
        self.prioritise(request, items, 0)

    @admin.action(description="Give out after the others", permissions=["prioritise"])
    def give_out_last(self, request: HttpRequest, items: models.QuerySet[Item]) -> None:
        self.prioritise(request, items, -10)

    def prioritise(self, request: HttpRequest, items: models.QuerySet[Item], priority: int) -> None:
        count = assigning.prioritise(items, priority)
        self.message_user(request, f"The priority of {count} items is {priority} now.")

    def has_prioritise_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("annotation.change_item")


@admin.register(Assignment)
class AssignmentAdmin(ReadOnlyAdmin):
    list_display = ["pk", "item", "status", "annotator", "leased_until", "submitted_at"]
    list_filter = ["status", "item__project"]
    list_select_related = ["item__project", "annotator"]
    search_fields = ["annotator__username", "item__project__name"]
    date_hierarchy = "submitted_at"


@admin.register(Skip)
class SkipAdmin(ReadOnlyAdmin):
    list_display = ["item", "annotator", "reason", "created_at"]
    list_select_related = ["item__project", "annotator"]
    search_fields = ["annotator__username", "reason"]
    date_hierarchy = "created_at"


@admin.register(Flag)
class FlagAdmin(ReadOnlyAdmin):
    """Flags are settled on the project's page of flags."""

    list_display = ["item", "annotator", "reason", "created_at", "resolved_at", "resolved_by"]
    list_filter = [("resolved_at", admin.EmptyFieldListFilter), "item__project"]
    list_select_related = ["item__project", "annotator", "resolved_by"]
    search_fields = ["annotator__username", "reason"]
    date_hierarchy = "created_at"


@admin.register(Draft)
class DraftAdmin(ReadOnlyAdmin):
    list_display = ["pk", "project", "annotator", "updated_at"]
    list_filter = ["project"]
    list_select_related = ["project", "annotator"]
    search_fields = ["annotator__username"]
    date_hierarchy = "updated_at"


@admin.register(Response)
class ResponseAdmin(ReadOnlyAdmin):
    list_display = ["pk", "__str__", "model_version", "temperature", "completion_tokens", "latency", "created_at"]
    list_display_links = ["pk", "__str__"]
    list_filter = ["finish_reason"]
    list_select_related = ["model_version"]
    search_fields = ["text", "model_version__name"]
    date_hierarchy = "created_at"


@admin.register(Dialogue)
class DialogueAdmin(ReadOnlyAdmin):
    list_display = ["pk", "project", "annotator", "started_at", "ended_at"]
    list_filter = ["project"]
    list_select_related = ["project", "annotator"]
    search_fields = ["annotator__username", "project__name"]
    date_hierarchy = "started_at"


@admin.register(Comparison)
class ComparisonAdmin(ReadOnlyAdmin):
    list_display = ["pk", "project", "batch", "annotator", "turn", "status", "source", "created_at", "prompt"]
    list_filter = ["status", "project"]
    list_select_related = ["project", "batch__project", "prompt", "annotator"]
    search_fields = ["project__name", "annotator__username", "prompt__external_id"]
    date_hierarchy = "created_at"
    inlines = [PreferenceInline]


@admin.register(Preference)
class PreferenceAdmin(ReadOnlyAdmin):
    list_display = ["comparison", "revision", "current", "choice", "points", "scale", "seconds", "submitted_at"]
    list_filter = ["choice", "current", "points", "comparison__project"]
    list_select_related = ["comparison__project"]
    search_fields = ["comparison__project__name", "comparison__annotator__username"]
    date_hierarchy = "submitted_at"


class PlacedAdmin(ReadOnlyAdmin):
    """What is said at a place: a rating, a demonstration, the label of an attempt."""

    list_filter = ["current", "assignment__item__project"]
    list_select_related = ["assignment__item__project", "assignment__annotator"]
    search_fields = ["assignment__item__project__name", "assignment__annotator__username"]
    date_hierarchy = "submitted_at"


@admin.register(Rating)
class RatingAdmin(PlacedAdmin):
    list_display = ["assignment", "revision", "current", "points", "scale", "seconds", "submitted_at"]


@admin.register(Demonstration)
class DemonstrationAdmin(PlacedAdmin):
    list_display = ["pk", "__str__", "assignment", "revision", "current", "seconds", "submitted_at"]
    list_display_links = ["pk", "__str__"]


@admin.register(RedTeamAttempt)
class RedTeamAttemptAdmin(PlacedAdmin):
    list_display = [
        "assignment", "revision", "current", "violating", "degree", "attack_vector", "turns", "seconds", "submitted_at",
    ]  # fmt: skip


@admin.register(Reply)
class ReplyAdmin(ReadOnlyAdmin):
    list_display = ["pk", "dialogue", "turn", "status", "queued_at", "finished_at"]
    list_filter = ["status", "dialogue__project"]
    list_select_related = ["dialogue__project"]
    search_fields = ["dialogue__project__name", "dialogue__annotator__username"]
    date_hierarchy = "queued_at"


@admin.register(DatasetSnapshot)
class DatasetSnapshotAdmin(ReadOnlyAdmin):
    list_display = ["project", "rows", "digest", "created_by", "created_at"]
    list_filter = ["project"]
    list_select_related = ["project", "created_by"]
    search_fields = ["digest", "project__name"]
    date_hierarchy = "created_at"


@admin.register(Gold)
class GoldAdmin(ReadOnlyAdmin):
    """Gold items are made and taken back on the project's page of quality."""

    list_display = ["item", "expected", "created_by", "created_at"]
    list_filter = ["item__project"]
    list_select_related = ["item__project", "created_by"]
    date_hierarchy = "created_at"


@admin.register(Review)
class ReviewAdmin(ReadOnlyAdmin):
    list_display = ["pk", "assignment", "reviewer", "verdict", "created_at"]
    list_filter = ["verdict", "assignment__project"]
    list_select_related = ["assignment__item__project", "assignment__annotator", "reviewer"]
    search_fields = ["note", "reviewer__username"]
    date_hierarchy = "created_at"


@admin.register(Adjudication)
class AdjudicationAdmin(ReadOnlyAdmin):
    list_display = ["pk", "item", "reviewer", "revision", "current", "points", "created_at"]
    list_filter = ["item__project"]
    list_select_related = ["item__project", "reviewer"]
    search_fields = ["note", "reviewer__username"]
    date_hierarchy = "created_at"


@admin.register(GuidelineReading)
class GuidelineReadingAdmin(ReadOnlyAdmin):
    list_display = ["guideline", "annotator", "read_at"]
    list_filter = ["guideline__project"]
    list_select_related = ["guideline__project", "annotator"]
    date_hierarchy = "read_at"


@admin.register(Standing)
class StandingAdmin(ReadOnlyAdmin):
    """People are paused and let go on on the project's page of quality."""

    list_display = ["project", "annotator", "consented_at", "warned_at", "paused_at"]
    list_filter = ["project"]
    list_select_related = ["project", "annotator"]


@admin.register(QualificationStep)
class QualificationStepAdmin(ReadOnlyAdmin):
    list_display = ["project", "number", "title", "pass_mark", "attempts", "open"]
    list_filter = ["project"]
    list_select_related = ["project"]


@admin.register(QualificationQuestion)
class QualificationQuestionAdmin(ReadOnlyAdmin):
    list_display = ["step", "number", "kind"]
    list_filter = ["step__project"]
    list_select_related = ["step"]
    search_fields = ["text"]


@admin.register(QualificationAttempt)
class QualificationAttemptAdmin(ReadOnlyAdmin):
    list_display = ["step", "annotator", "number", "score", "passed", "submitted_at"]
    list_filter = ["passed", "step__project"]
    list_select_related = ["step", "annotator"]
    date_hierarchy = "started_at"


@admin.register(Tally)
class TallyAdmin(ReadOnlyAdmin):
    list_display = ["project", "batch", "annotator", "day", "judged"]
    list_filter = ["project"]
    list_select_related = ["project", "batch", "annotator"]
    date_hierarchy = "day"


@admin.register(StaleTally)
class StaleTallyAdmin(ReadOnlyAdmin):
    list_display = ["project", "annotator", "day"]
    list_filter = ["project"]
    list_select_related = ["project", "annotator"]
