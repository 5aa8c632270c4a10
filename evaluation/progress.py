"""How far a campaign has come: its items, its raters, its runs."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q

from annotation.models import Assignment, Project, Skip
from evaluation.campaigns import pairwise_projects, runs_of
from evaluation.models import Campaign
from modeling.registry.models import Run

DONE = (Assignment.Status.SUBMITTED, Assignment.Status.RETURNED)
SUBMITTED = Q(status__in=DONE)
"""Work with a judgement that counts: what was returned counts until it is revised."""


@dataclass(frozen=True)
class RaterProgress:
    """submitted: judgements given. leased: items that the rater has open. skipped: items passed on."""

    rater: str
    submitted: int
    leased: int
    skipped: int


@dataclass(frozen=True)
class ItemGroup:
    """How many items have so many judgements."""

    judgements: int
    items: int
    share: float


@dataclass(frozen=True)
class Progress:
    items: int
    places: int
    submitted: int
    raters: tuple[RaterProgress, ...]
    beyond_reach: int
    """Open places of items that each of the project's annotators has already judged, has in hand, or has skipped."""
    groups: tuple[ItemGroup, ...]
    runs: tuple[Run, ...]

    @property
    def share(self) -> float:
        """The part of the judgements that are there, 0 to 1."""
        return self.submitted / self.places if self.places else 0.0

    @property
    def working(self) -> tuple[Run, ...]:
        """Runs that are not over."""
        return tuple(run for run in self.runs if not run.is_over)

    @property
    def can_restart(self) -> Run | None:
        """The last sampling run, if it failed or was cancelled."""
        last = next((run for run in self.runs if run.kind == Run.Kind.CAMPAIGN_SAMPLING), None)
        return last if last and last.status in (Run.Status.FAILED, Run.Status.CANCELLED) else None


@dataclass(frozen=True)
class CampaignLine:
    """A campaign in the list, or an imported project that nobody has opened as one yet: its models are not known."""

    name: str
    slug: str
    project: Project
    models: tuple[str, ...]
    items: int
    places: int
    submitted: int

    @property
    def share(self) -> float:
        return self.submitted / self.places if self.places else 0.0


def campaign_lines() -> list[CampaignLine]:
    """Every campaign and every imported pairwise project, newest first, in four queries."""
    projects = pairwise_projects().select_related("campaign").prefetch_related("campaign__model_versions")
    counted = projects.filter(archived_at=None).annotate(
        item_count=Count("items", distinct=True),
        place_count=Count("items__assignments", filter=~Q(items__assignments__status=Assignment.Status.REJECTED)),
        submitted_count=Count("items__assignments", filter=Q(items__assignments__status__in=DONE)),
    )
    return [_line(project) for project in counted.order_by("-created_at", "-pk")]


def _line(project: Any) -> CampaignLine:
    """From a project with its counts annotated."""
    campaign = getattr(project, "campaign", None)
    return CampaignLine(
        name=project.name,
        slug=campaign.slug if campaign else project.slug,
        project=project,
        models=tuple(sorted(model.name for model in campaign.model_versions.all())) if campaign else (),
        items=project.item_count,
        places=project.place_count,
        submitted=project.submitted_count,
    )


def progress_of(campaign: Campaign) -> Progress:
    """In seven queries, whatever the campaign's size."""
    places = Assignment.objects.filter(item__project=campaign.project).exclude(status=Assignment.Status.REJECTED)
    by_item = list(places.values("item").annotate(n=Count("pk"), done=Count("pk", filter=SUBMITTED)))
    items, submitted = len(by_item), sum(row["done"] for row in by_item)
    groups = Counter(row["done"] for row in by_item)
    return Progress(
        items=items,
        places=sum(row["n"] for row in by_item),
        submitted=submitted,
        raters=_raters(campaign),
        beyond_reach=_beyond_reach(campaign),
        groups=tuple(ItemGroup(done, n, n / items) for done, n in sorted(groups.items(), reverse=True)),
        runs=tuple(runs_of(campaign)[:10]),
    )


def _raters(campaign: Campaign) -> tuple[RaterProgress, ...]:
    """The project's annotators and whoever else has judged, by name."""
    taken = Assignment.objects.filter(item__project=campaign.project, annotator__isnull=False)
    counts = {
        name: (done, leased)
        for name, done, leased in taken.values("annotator")
        .annotate(done=Count("pk", filter=SUBMITTED), leased=Count("pk", filter=Q(status=Assignment.Status.LEASED)))
        .values_list("annotator__username", "done", "leased")
    }
    skips = Skip.objects.filter(item__project=campaign.project)
    skipped = dict(skips.values("annotator").annotate(n=Count("pk")).values_list("annotator__username", "n"))
    names = {*campaign.project.annotators.values_list("username", flat=True), *counts, *skipped}
    return tuple(RaterProgress(name, *counts.get(name, (0, 0)), skipped.get(name, 0)) for name in sorted(names))


def _beyond_reach(campaign: Campaign) -> int:
    annotators = campaign.project.annotators.all()
    had = Assignment.objects.filter(item=OuterRef(OuterRef("item")), annotator=OuterRef("pk"))
    skipped = Skip.objects.filter(item=OuterRef(OuterRef("item")), annotator=OuterRef("pk"))
    could = annotators.filter(~Exists(had), ~Exists(skipped))
    places = Assignment.objects.filter(item__project=campaign.project, status=Assignment.Status.OPEN)
    return places.filter(~Exists(could)).count() if annotators.exists() else 0
