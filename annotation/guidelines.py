"""A project's guideline over time: what changed for whom, and work that was judged under an older version.

Annotators are told once of a new version, with its differences; every judgement knows the version that it was made
under, and a manager may ask for those of older versions anew. Until the new revision comes, the old one counts.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from django.contrib.auth.models import AbstractUser
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, QuerySet

from annotation import tallies
from annotation.judgements import judgements_in, place_of
from annotation.models import Assignment, GuidelineReading, GuidelineVersion, Project, Review

CHUNK = 1000


@dataclass(frozen=True)
class Piece:
    """A run of words that is in both versions, in the old one alone (gone) or in the new one alone (new)."""

    kind: str
    text: str


@dataclass(frozen=True)
class News:
    """A version that an annotator has not read, and the last one that they had."""

    version: GuidelineVersion
    before: GuidelineVersion | None

    @property
    def differences(self) -> list[list[Piece]]:
        return changed_paragraphs(self.before.text, self.version.text) if self.before else []


def news_for(project: Project, annotator: AbstractUser) -> News | None:
    """The latest version, where this annotator has not said yet that they read it."""
    latest, was_read = latest_for(project, annotator)
    return None if latest is None or was_read else news_of(latest, annotator)


def latest_for(project: Project, annotator: AbstractUser) -> tuple[GuidelineVersion | None, bool]:
    """The guideline as it stands, and whether this annotator has said that they read it."""
    theirs = GuidelineReading.objects.filter(guideline=OuterRef("pk"), annotator=annotator.pk)
    latest = project.guidelines.annotate(was_read=Exists(theirs)).order_by("-number").first()
    return latest, latest is not None and latest.was_read


def news_of(latest: GuidelineVersion, annotator: AbstractUser) -> News:
    """A version that this annotator has not read, beside the last one that they have."""
    readings = GuidelineReading.objects.filter(guideline__project=latest.project_id, annotator=annotator.pk)
    last = readings.select_related("guideline").order_by("-guideline__number").first()
    return News(latest, last.guideline if last else None)


def mark_read(version: GuidelineVersion, annotator: AbstractUser) -> None:
    """Remember that `annotator` has seen `version`; twice is once."""
    GuidelineReading.objects.get_or_create(guideline=version, annotator_id=annotator.pk)


def changed_paragraphs(old: str, new: str) -> list[list[Piece]]:
    """The paragraphs that differ, word by word; those that are the same in both stay out."""
    before, after = paragraphs(old), paragraphs(new)
    changed = []
    for kind, i, j, k, end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind != "equal":
            gone, come = "\n\n".join(before[i:j]), "\n\n".join(after[k:end])
            changed.append(list(word_differences(gone, come)))
    return changed


def paragraphs(text: str) -> list[str]:
    return [paragraph.strip() for paragraph in re.split(r"\n\s*\n", text) if paragraph.strip()]


def word_differences(old: str, new: str) -> Iterator[Piece]:
    """The words of both texts in reading order, each run once: same, gone or new."""
    before, after = re.findall(r"\S+\s*", old), re.findall(r"\S+\s*", new)
    old_words, new_words = [run.strip() for run in before], [run.strip() for run in after]
    for kind, i, j, k, end in SequenceMatcher(None, old_words, new_words, autojunk=False).get_opcodes():
        if kind == "equal":
            yield Piece("same", "".join(after[k:end]))
            continue
        if j > i:
            yield Piece("gone", "".join(before[i:j]))
        if end > k:
            yield Piece("new", "".join(after[k:end]))


# Work of older versions -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class VersionCount:
    """How much counting work was done under a version; None is work that knows none."""

    number: int | None
    places: int


def work_by_version(project: Project) -> list[VersionCount]:
    """Submitted places by the guideline version of their judgements, newest version first."""
    place = place_of(project)
    rows = judgements_in(project).filter(**{f"{place}__isnull": False})
    counted = rows.values_list("guideline__number").annotate(Count(place, distinct=True))
    return [VersionCount(*row) for row in sorted(counted, key=lambda row: -(row[0] or 0))]


def older_work(project: Project, before: GuidelineVersion) -> QuerySet[Assignment]:
    """Submitted places with a judgement made under a version before `before`, of people who still work here."""
    older = judgements_in(project).filter(guideline__number__lt=before.number, **{place_of(project): OuterRef("pk")})
    places = Assignment.objects.filter(Exists(older), item__project=project, status=Assignment.Status.SUBMITTED)
    return places.filter(annotator__is_active=True, annotator__projects=project)


@transaction.atomic
def ask_again(project: Project, before: GuidelineVersion, reviewer: AbstractUser, note: str) -> int:
    """Return all of `older_work` to its annotators with a note; how many places that were."""
    places = list(older_work(project, before).select_for_update(of=("self",)).values_list("pk", flat=True))
    for start in range(0, len(places), CHUNK):
        chunk: Sequence[int] = places[start : start + CHUNK]
        Assignment.objects.filter(pk__in=chunk).update(status=Assignment.Status.RETURNED, approved=False)
        tallies.touch_many(project, chunk)
        Review.objects.bulk_create(
            Review(assignment_id=pk, reviewer_id=reviewer.pk, verdict=Review.Verdict.RETURNED, note=note)
            for pk in chunk
        )
    return len(places)
