"""Gold items: work whose right answer is known, mixed in unannounced, and what follows for who gets it wrong.

A share of an annotator's items is drawn from the project's gold items, each at most once per person. Below one share
right they are warned, below another their work here pauses until a manager resumes it; both are told which items they
got wrong and why. Gold judgements measure people, not models: see `without_gold`.
"""

import random
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation.gates import Gate, standing_in
from annotation.judgements import Judgements, judgements_in, place_of
from annotation.models import Assignment, Gold, Item, Preference, Project, Skip, Standing

FEWEST = 5
"""Gold items judged before anybody is warned or paused."""
LATEST = 20
"""How many of a person's gold items count: the latest ones."""
KINDS = (Project.TaskType.PAIRWISE_EVALUATION, Project.TaskType.SAFETY_RATING, Project.TaskType.QUALITY_RATING)
"""The kinds of work that have a right answer on a scale."""


class GoldError(ValueError):
    """A gold item that can't be; says why."""


@dataclass(frozen=True)
class GoldScore:
    """How a person did on the gold items that count."""

    right: int
    of: int

    @property
    def share(self) -> float | None:
        return self.right / self.of if self.of else None


def place_for(project: Project, annotator: AbstractUser) -> Assignment | None:
    """By the project's chance, an open place of a gold item that `annotator` has not had; None otherwise."""
    if project.gold_share == 0 or random.random() >= project.gold_share:
        return None
    had = Assignment.objects.filter(item=OuterRef("pk"), annotator=annotator.pk)
    skipped = Skip.objects.filter(item=OuterRef("pk"), annotator=annotator.pk)
    items = Item.objects.filter(~Exists(had), ~Exists(skipped), project=project, gold__isnull=False)
    keys = list(items.values_list("pk", flat=True))
    return Assignment.objects.create(item=Item.objects.get(pk=random.choice(keys))) if keys else None


def make_gold(
    item: Item, lowest: int, highest: int, explanation: str = "", created_by: AbstractUser | None = None
) -> Gold:
    """Say what is right about an item; its open places go, since from now on it is given to everybody once.

    lowest, highest: right points of the project's scale; of a pair, about response_1 as A. Raises GoldError.
    """
    project = item.project
    if project.task_type not in KINDS:
        raise GoldError(f"a {project.task_type} project has no gold items: its work has no right answer on a scale")
    if item.response_1_id is None:
        raise GoldError(f"item {item.pk} has no stored response to judge")
    if not 1 <= lowest <= highest <= project.scale:
        raise GoldError(f"right points must lie between 1 and {project.scale}, got {lowest} to {highest}")
    gold, _created = Gold.objects.update_or_create(
        item=item,
        defaults={
            "expected": {"points": [lowest, highest]},
            "explanation": explanation.strip(),
            "created_by_id": created_by.pk if created_by else None,
        },
    )
    item.assignments.filter(status=Assignment.Status.OPEN).delete()
    return gold


def check(place: Assignment) -> None:
    """Of a completed gold place: note whether it was judged right, and warn or pause whoever judges too few right."""
    gold: Gold | None = getattr(place.item, "gold", None)
    if gold is None:
        return
    points = points_at(place)
    lowest, highest = gold.expected["points"]
    passed = points is not None and lowest <= points <= highest
    Assignment.objects.filter(pk=place.pk).update(gold_passed=passed)
    if not passed:
        watch(place.item.project, place.annotator)


def points_at(place: Assignment) -> int | None:
    """The points that count at a place, about response_1 as A."""
    project = place.item.project
    said = judgements_in(project).filter(**{place_of(project): place.pk}).first()
    if said is None or said.points is None:
        return None
    if isinstance(said, Preference) and said.comparison.response_a_id != place.item.response_1_id:
        return int(said.scale) + 1 - int(said.points)
    return int(said.points)


def judged_gold(project: Project, annotator: Any) -> QuerySet[Assignment]:
    """The person's gold places that count for their standing, newest first."""
    places = Assignment.objects.filter(item__project=project, annotator=annotator.pk, gold_passed__isnull=False)
    standing = standing_in(project, annotator)
    if standing and standing.gold_since:
        places = places.filter(submitted_at__gt=standing.gold_since)
    return places.order_by("-submitted_at")


def score_of(project: Project, annotator: Any) -> GoldScore:
    """Of the latest LATEST."""
    latest = list(judged_gold(project, annotator).values_list("gold_passed", flat=True)[:LATEST])
    return GoldScore(sum(map(bool, latest)), len(latest))


def watch(project: Project, annotator: Any) -> None:
    """Warn or pause, where the share right has fallen below the project's marks."""
    score = score_of(project, annotator)
    if score.share is None or score.of < FEWEST:
        return
    now, standing = timezone.now(), standing_of(project, annotator)
    if score.share < project.gold_pause and standing.paused_at is None:
        standing.paused_at = now
        standing.paused_because = _("%(right)d of the last %(of)d check items were right.") % vars(score)
        standing.save(update_fields=["paused_at", "paused_because"])
    elif score.share < project.gold_warning and standing.warned_at is None:
        standing.warned_at = now
        standing.save(update_fields=["warned_at"])


def standing_of(project: Project, annotator: Any) -> Standing:
    return Standing.objects.get_or_create(project=project, annotator_id=annotator.pk)[0]


def pause(project: Project, annotator: Any, reason: str) -> None:
    """A manager's pause: no new work until `resume`."""
    Standing.objects.update_or_create(
        project=project, annotator_id=annotator.pk, defaults={"paused_at": timezone.now(), "paused_because": reason}
    )


def resume(project: Project, annotator: Any) -> None:
    """Let somebody work again; their gold items so far count no more."""
    Standing.objects.filter(project=project, annotator=annotator.pk).update(
        paused_at=None, paused_because="", warned_at=None, gold_since=timezone.now()
    )


def pause_gate(project: Project, annotator: AbstractUser, standing: Standing | None) -> Gate | None:
    """Closed while the person's work here pauses."""
    if standing is None or standing.paused_at is None:
        return None
    return Gate("paused", "annotation/gates/paused.html", {"standing": standing, "failed": failed(project, annotator)})


def failed(project: Project, annotator: Any) -> list[Gold]:
    """What somebody got wrong of the gold items that count, to learn from."""
    items = [place.item_id for place in judged_gold(project, annotator)[:LATEST] if not place.gold_passed]
    return list(Gold.objects.filter(item__in=items).select_related("item__prompt", "item__project"))


def warning_for(project: Project, annotator: AbstractUser, standing: Standing | None) -> GoldScore | None:
    """What to warn of on the annotator's page; None where all is well or the way is closed anyway."""
    warned = standing and standing.warned_at and standing.paused_at is None
    return score_of(project, annotator) if warned else None


def heed(project: Project, annotator: AbstractUser) -> None:
    """The annotator has read the warning; the items that it was about count no more."""
    Standing.objects.filter(project=project, annotator=annotator.pk, paused_at=None).update(
        warned_at=None, gold_since=timezone.now()
    )


@dataclass(frozen=True)
class GoldLine:
    """A gold item with how people did on it: one that most get wrong is wrong itself, or badly put."""

    gold: Gold
    right: int
    of: int


def lines_of(project: Project) -> list[GoldLine]:
    """The project's gold items, those with the smallest share right first."""
    judged = Count("item__assignments", filter=Q(item__assignments__gold_passed__isnull=False))
    right = Count("item__assignments", filter=Q(item__assignments__gold_passed=True))
    rows = Gold.objects.filter(item__project=project).select_related("item__prompt", "item__project")
    lines = [GoldLine(row, row.right, row.judged) for row in rows.annotate(judged=judged, right=right)]
    return sorted(lines, key=lambda line: (line.right / line.of if line.of else 1.0, line.gold.pk))


def without_gold(judgements: Judgements, project: Project) -> Judgements:
    """Judgements that measure models: those of gold items, which everybody judges, stay out."""
    return judgements.filter(Q(**{f"{place_of(project)}__item__gold": None}))
