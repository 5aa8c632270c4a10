"""Exports: the collected preferences as TRL JSONL, streamed, with a manifest that says how they came about.

A row is {"prompt": [messages], "chosen": [message], "rejected": [message], "margin", "rating", "chosen_safe",
"rejected_safe", "split", "batch", "id"}: TRL's conversational preference format with what is known here beside it.
What can't train a reward model stays out and is counted by its reason.
"""

import hashlib
import json
import os
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

from django.db.models import QuerySet
from django.utils import timezone

from annotation.batches import batches_called
from annotation.dialogues import superseded
from annotation.models import Comparison, DatasetSnapshot, Preference, Project, Prompt, Response
from annotation.models.comparisons import RATINGS
from annotation.models.prompts import opening_digest

MARGINS: dict[str, tuple[float, ...] | None] = {"small": (1, 2 / 3, 1 / 3, 0), "large": (3, 2, 1, 0), "none": None}
"""Margins of the four ratings, strongest first (section 3.2.2, table 27); `none` writes no margin at all."""

BOTH_UNUSABLE = "both answers unusable"
TIE = "tie"
CHOSEN_UNSAFE = "chosen answer unsafe, other safe"
IDENTICAL = "both answers are the same"
EMPTY = "an answer is empty"
HELD_OUT = "opens like a held-out prompt"
UNFINISHED = "no judgement yet"

Person = Any  # a row of settings.AUTH_USER_MODEL, whose class belongs to the room above


class ExportError(ValueError):
    """An export that can't be made; says why and what to do. Nothing was written."""


@dataclass(frozen=True)
class Selection:
    """What of a project's preferences goes into a file."""

    split: str = "all"
    """train, test or all."""
    batch: str | None = None
    """Name of a batch; None takes every batch."""
    margin: str = "small"
    """Key of MARGINS, for preferences that came without a margin of their own."""

    def __post_init__(self) -> None:
        for name, value, known in (
            ("split", self.split, (*Prompt.Split.values, "all")),
            ("margin", self.margin, tuple(MARGINS)),
        ):
            if value not in known:
                raise ExportError(f"{name} must be one of {', '.join(known)}, got {value!r}")


@dataclass
class Counts:
    """What went into a file and what stayed out."""

    rows: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    ratings: Counter[str] = field(default_factory=Counter)
    splits: Counter[str] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)
    guidelines: Counter[str] = field(default_factory=Counter)

    def add(self, row: dict[str, Any], preference: Preference) -> None:
        self.rows += 1
        self.ratings[row["rating"] or "unrated"] += 1
        self.splits[row["split"]] += 1
        self.sources[preference.comparison.source or "collected here"] += 1
        slug, guideline = preference.comparison.project.slug, preference.guideline
        self.guidelines[f"{slug} {guideline.number}" if guideline else "none"] += 1

    def figures(self) -> dict[str, Any]:
        return {name: dict(value) if isinstance(value, Counter) else value for name, value in vars(self).items()}


def export(
    project: Project, path: Path, selection: Selection | None = None, *, created_by: Person | None = None
) -> DatasetSnapshot:
    """Write the project's preferences to `path` with a manifest beside it, and remember them as a snapshot.

    The files appear when both are complete, the rows first: a manifest never speaks of rows that are not there. Raises
    ExportError.
    """
    selection = selection or Selection()
    check_exportable(project, selection)
    counts = Counts()
    with appearing_whole(path, manifest_path(path)) as (file, manifest_file):
        digest = write_rows(file, [project], selection, counts)
        manifest = manifest_of([project], selection, counts) | {"file": path.name, "sha256": digest}
        manifest_file.write(as_json(manifest))
    return DatasetSnapshot.objects.create(
        project=project, digest=digest, manifest=manifest, rows=counts.rows, created_by=created_by
    )


def write_training_data(
    projects: Sequence[Project],
    folder: Path,
    *,
    sources: Mapping[str, str] | None = None,
    created_by: Person | None = None,
) -> dict[str, Any]:
    """Write folder/train.jsonl and folder/test.jsonl by the prompts' split, then folder/manifest.json; returns that.

    sources: by a project's slug, what its rows say as "source" (a reward model's mix draws by it); without it they say
    nothing.
    A test prompt never trains (architecture.md, invariant 6). The manifest's `sha256`, over both files' digests, train
    first, names the data that a run saw; each project gets a snapshot of that digest. Raises ExportError; also where
    there is nothing to train on.
    """
    if not projects:
        raise ExportError("there is no project to train on: name at least one")
    for project in projects:
        check_exportable(project, Selection())
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ExportError(f"can't make the folder {folder} ({error.strerror})") from error
    held_out = openings_held_out(projects)
    manifest: dict[str, Any] = {}
    paths = [folder / f"{split}.jsonl" for split in Prompt.Split.values]
    with appearing_whole(*paths, folder / "manifest.json") as (*files, manifest_file):
        for split, file in zip(Prompt.Split.values, files, strict=True):
            selection, counts = Selection(split), Counts()
            digest = write_rows(file, projects, selection, counts, held_out, sources)
            manifest[split] = manifest_of(projects, selection, counts) | {"sha256": digest}
        if not manifest[Prompt.Split.TRAIN]["rows"]:
            names = ", ".join(project.slug for project in projects)
            raise ExportError(f"{names}: no preference to train on; collect or import some")
        digests = "".join(manifest[split]["sha256"] for split in Prompt.Split.values)
        manifest["sha256"] = hashlib.sha256(digests.encode()).hexdigest()
        manifest_file.write(as_json(manifest))
    DatasetSnapshot.objects.bulk_create(
        DatasetSnapshot(
            project=project,
            digest=manifest["sha256"],
            manifest=manifest,
            rows=sum(manifest[split]["rows"] for split in Prompt.Split.values),
            created_by=created_by,
        )
        for project in projects
    )
    return manifest


def check_exportable(project: Project, selection: Selection) -> None:
    if project.task_type != Project.TaskType.PREFERENCE:
        raise ExportError(
            f'project "{project.slug}" is a {project.task_type} project: an evaluation must not train the models that '
            f"it evaluates, so only preference projects are exported"
        )
    if selection.batch is not None:
        check_batch(project, selection.batch)


def check_batch(project: Project, name: str) -> None:
    found = batches_called(name, project)
    if not found:
        known = ", ".join(sorted(str(batch) for batch in project.batches.all())) or "none"
        raise ExportError(f'project "{project.slug}" has no batch "{name}"; its batches: {known}')
    if len(found) > 1:
        numbers = " and ".join(str(batch.number) for batch in found)
        raise ExportError(f'project "{project.slug}" has batches {numbers} both called "{name}": rename all but one')


# Rows -----------------------------------------------------------------------------------------------------------------


def write_rows(
    file: BinaryIO,
    projects: Sequence[Project],
    selection: Selection,
    counts: Counts,
    held_out: Set[bytes] = frozenset(),
    sources: Mapping[str, str] | None = None,
) -> str:
    """Write every row that the selection takes, in the order of collection; returns the SHA-256 of what was written."""
    digest = hashlib.sha256()
    for project in projects:
        source = {"source": sources[project.slug]} if sources else {}
        for row in rows_of(project, selection, counts, held_out):
            line = json.dumps(row | source, ensure_ascii=False).encode() + b"\n"
            digest.update(line)
            file.write(line)
    return digest.hexdigest()


def rows_of(project: Project, selection: Selection, counts: Counts, held_out: Set[bytes]) -> Iterator[dict[str, Any]]:
    """The rows that the selection takes; no row of the train split opens like a prompt in `held_out`."""
    comparisons = selected(project, selection)
    if unfinished := comparisons.exclude(preferences__current=True).count():
        counts.left_out[UNFINISHED] += unfinished
    preferences = (
        Preference.objects.filter(current=True, comparison__in=comparisons)
        .select_related(
            "guideline",
            "comparison__project",
            "comparison__batch",
            "comparison__prompt",
            "comparison__response_a",
            "comparison__response_b",
        )
        .order_by("comparison_id")
    )
    for preference in preferences.iterator(chunk_size=500):
        prompt = preference.comparison.prompt
        reason = why_left_out(preference)
        if prompt.split == Prompt.Split.TRAIN and opening_digest(prompt.messages) in held_out:
            reason = HELD_OUT
        if reason:
            counts.left_out[reason] += 1
            continue
        row = row_of(preference, selection.margin)
        counts.add(row, preference)
        yield row


def openings_held_out(projects: Sequence[Project]) -> set[bytes]:
    """Digests of the test prompts' opening messages.

    A prompt's side is fixed when it is stored. Where the installation's test share was changed in between, the same
    opening may have been stored on both sides, in two projects or in one; the test side wins.
    """
    prompts = Prompt.objects.filter(project__in=projects, split=Prompt.Split.TEST).values_list("messages", flat=True)
    return {opening_digest(messages) for messages in prompts.iterator(chunk_size=500)}


def selected(project: Project, selection: Selection) -> QuerySet[Comparison]:
    comparisons = project.comparisons.filter(~superseded())
    if selection.split != "all":
        comparisons = comparisons.filter(prompt__split=selection.split)
    if selection.batch is not None:
        comparisons = comparisons.filter(batch__in=batches_called(selection.batch, project))
    return comparisons


def why_left_out(preference: Preference) -> str | None:
    """Why a judged comparison can't train a reward model; None where it can."""
    if preference.choice == Preference.Choice.NEITHER:
        return BOTH_UNUSABLE
    if preference.choice == Preference.Choice.TIE:
        return TIE
    a, b = preference.comparison.response_a.text, preference.comparison.response_b.text
    if not a.strip() or not b.strip():
        return EMPTY
    if a == b:
        return IDENTICAL
    chosen_safe, rejected_safe = safety_of(preference)
    if chosen_safe is False and rejected_safe is True:  # the safer answer should be the better one (recipe.md 2)
        return CHOSEN_UNSAFE
    return None


def row_of(preference: Preference, margin: str) -> dict[str, Any]:
    comparison = preference.comparison
    chosen, rejected = cast(Response, preference.chosen), cast(Response, preference.rejected)
    chosen_safe, rejected_safe = safety_of(preference)
    return {
        "prompt": comparison.prompt.messages,
        "chosen": [{"role": "assistant", "content": chosen.text}],
        "rejected": [{"role": "assistant", "content": rejected.text}],
        "margin": margin_of(preference, margin),
        "rating": preference.rating,
        "chosen_safe": chosen_safe,
        "rejected_safe": rejected_safe,
        "split": comparison.prompt.split,
        "batch": str(comparison.batch) if comparison.batch else None,
        "id": comparison.external_id or f"{comparison.project.slug}-{comparison.pk}",
    }


def margin_of(preference: Preference, scale: str) -> float | None:
    """The margin that it was imported with, or else that of its rating; None without either."""
    margins = MARGINS[scale]
    if margins is None:
        return None
    if preference.margin is not None:
        return preference.margin
    rating = preference.rating
    return None if rating is None else margins[RATINGS.index(rating)]


def safety_of(preference: Preference) -> tuple[bool | None, bool | None]:
    """The safety labels of the chosen and of the rejected response."""
    labels = (preference.a_safe, preference.b_safe)
    return labels if preference.choice == Preference.Choice.A else labels[::-1]


def manifest_of(projects: Sequence[Project], selection: Selection, counts: Counts) -> dict[str, Any]:
    return {
        "projects": [project.slug for project in projects],
        "dimensions": sorted({project.dimension for project in projects}),
        "filters": vars(selection),
        "created_at": timezone.now().isoformat(),
        **counts.figures(),
    }


# Files ----------------------------------------------------------------------------------------------------------------


def manifest_path(path: Path) -> Path:
    """OUT.manifest.json beside OUT.jsonl."""
    return path.with_name(f"{path.name.removesuffix('.jsonl')}.manifest.json")


def as_json(manifest: dict[str, Any]) -> bytes:
    return json.dumps(manifest, indent=2, ensure_ascii=False).encode() + b"\n"


@contextmanager
def appearing_whole(*paths: Path) -> Iterator[list[BinaryIO]]:
    """Files that take their names, in this order, when every one is complete on disk; an error before leaves nothing.

    Raises ExportError.
    """
    for path in paths:
        if path.exists() and not path.is_file():  # a rename would put a file in the place of a folder or a device
            raise ExportError(f"can't write {path}: it is a folder or a device; name a file")
    drafts = [path.with_name(f".{path.name}.{uuid.uuid4().hex}") for path in paths]
    try:
        with ExitStack() as opened:
            files = [opened.enter_context(draft.open("xb")) for draft in drafts]
            yield cast(list[BinaryIO], files)
            for file in files:
                file.flush()
                os.fsync(file.fileno())
        for draft, path in zip(drafts, paths, strict=True):
            draft.replace(path)
    except OSError as error:
        raise ExportError(f"can't write {paths[0]} ({error.strerror or error})") from error
    finally:
        for draft in drafts:
            with suppress(OSError):
                draft.unlink()
