"""Demonstrations as SFT JSONL, streamed, with a manifest that says how they came about.

A row is {"messages": [the prompt's, then the answer], "trained_turns": "last", "id", "split", "batch", "category",
"risk_category", "attack_vector"}. Whatever the assistant said before the answer is context and no demonstration.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Set
from pathlib import Path
from typing import Any

from django.utils import timezone

from annotation.batches import batches_called
from annotation.exporting import (
    HELD_OUT,
    ExportError,
    Person,
    Selection,
    appearing_whole,
    as_json,
    check_batch,
    manifest_path,
)
from annotation.models import DatasetSnapshot, Demonstration, Project, Prompt
from annotation.models.prompts import opening_digest

LABELS = ("category", "risk_category", "attack_vector")


def export_demonstrations(
    project: Project, path: Path, selection: Selection | None = None, *, created_by: Person | None = None
) -> DatasetSnapshot:
    """Write the project's demonstrations to `path` with a manifest beside it, and remember them as a snapshot.

    Raises ExportError.
    """
    selection = selection or Selection()
    check_demonstrates(project, selection)
    digest = hashlib.sha256()
    counts = {name: Counter[str]() for name in ("splits", "risk_categories", "guidelines", "left_out")}
    with appearing_whole(path, manifest_path(path)) as (file, manifest_file):
        rows = 0
        for demonstration in demonstrations_of(project, selection):
            row = row_of(demonstration)
            line = json.dumps(row, ensure_ascii=False).encode() + b"\n"
            digest.update(line)
            file.write(line)
            rows += 1
            counts["splits"][row["split"]] += 1
            counts["risk_categories"][row["risk_category"] or "none"] += 1
            counts["guidelines"][str(demonstration.guideline.number) if demonstration.guideline else "none"] += 1
        manifest: dict[str, Any] = {
            "projects": [project.slug],
            "dimensions": [project.dimension],
            "filters": {"split": selection.split, "batch": selection.batch},
            "created_at": timezone.now().isoformat(),
            "rows": rows,
            **{name: dict(count) for name, count in counts.items()},
            "file": path.name,
            "sha256": digest.hexdigest(),
        }
        manifest_file.write(as_json(manifest))
    return DatasetSnapshot.objects.create(
        project=project, digest=manifest["sha256"], manifest=manifest, rows=rows, created_by=created_by
    )


def check_demonstrates(project: Project, selection: Selection) -> None:
    if project.task_type != Project.TaskType.DEMONSTRATION:
        raise ExportError(
            f'project "{project.slug}" is a {project.task_type} project: demonstrations come from demonstration '
            "projects; preferences are exported by export_preferences"
        )
    if selection.batch is not None:
        check_batch(project, selection.batch)


def demonstrations_of(project: Project, selection: Selection) -> Iterator[Demonstration]:
    """The demonstrations that count, in the order of collection."""
    rows = Demonstration.objects.filter(current=True, assignment__item__project=project)
    if selection.split != "all":
        rows = rows.filter(prompt__split=selection.split)
    if selection.batch is not None:
        rows = rows.filter(assignment__item__batch__in=batches_called(selection.batch, project))
    found = rows.select_related("prompt", "guideline", "assignment__item__batch", "assignment__item__project")
    return found.order_by("assignment_id").iterator(chunk_size=500)


def row_of(demonstration: Demonstration) -> dict[str, Any]:
    prompt, item = demonstration.prompt, demonstration.assignment.item
    return {
        "messages": [*prompt.messages, {"role": "assistant", "content": demonstration.text}],
        "trained_turns": "last",
        "id": f"{item.project.slug}-{demonstration.assignment_id}",
        "split": prompt.split,
        "batch": str(item.batch) if item.batch else None,
        **{name: getattr(prompt, name) or None for name in LABELS},
    }


def training_rows(
    project: Project, split: str, held_out: Set[bytes], left_out: Counter[str]
) -> Iterator[dict[str, Any]]:
    """What a training reads: no row to train on opens like a prompt in `held_out`."""
    for demonstration in demonstrations_of(project, Selection(split)):
        if split == Prompt.Split.TRAIN and opening_digest(demonstration.prompt.messages) in held_out:
            left_out[HELD_OUT] += 1
            continue
        row = row_of(demonstration)
        yield {name: row[name] for name in ("messages", "trained_turns", "id")} | {"source": project.slug}
