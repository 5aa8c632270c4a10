"""Writing a run's data folder: what each recipe reads, out of projects or files, with a manifest and its digest.

A test prompt never trains a model (architecture.md, invariant 6): what comes from a project keeps to its side of the
split, and what comes from a file leaves out every line that opens like a held-out prompt of this installation.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from django.utils import timezone

from annotation.exporting import (
    HELD_OUT,
    Counts,
    ExportError,
    Selection,
    appearing_whole,
    as_json,
    openings_held_out,
    rows_of,
    write_training_data,
)
from annotation.models import DatasetSnapshot, Project, Prompt
from annotation.models.prompts import opening_digest
from modeling.registry.models import Run
from workers.given_files import read_given
from workers.recipes import RECIPES, Data, Recipe

Row = dict[str, Any]
CHOSEN_UNSAFE = "the chosen answer is unsafe"


def write_data(run: Run, folder: Path) -> str:
    """Write the run's data into the folder; the SHA-256 that names it. Raises ExportError."""
    recipe = RECIPES[run.kind]
    named, opened = (named_projects(run.config.get(key, [])) for key in ("projects", "open_projects"))
    folder.mkdir(parents=True, exist_ok=True)
    if recipe.data is Data.PAIRS:
        mixed = run.config["settings"].get("mix", "none") != "none"
        sources = {project.slug: project.dimension for project in named} | {project.slug: "open" for project in opened}
        manifest = write_training_data(
            [*named, *opened], folder, sources=sources if mixed else None, created_by=run.created_by
        )
        return str(manifest["sha256"])
    if run.config.get("files"):
        return keep_files(run, recipe, folder)
    return write_rows(run, recipe, named, folder)


def named_projects(slugs: Sequence[str]) -> list[Project]:
    """The projects of these slugs, in their order. Raises ExportError where one is gone."""
    found = {project.slug: project for project in Project.objects.filter(slug__in=slugs)}
    if missing := [slug for slug in slugs if slug not in found]:
        raise ExportError(f"there is no project {', '.join(missing)} any more")
    return [found[slug] for slug in sorted(set(slugs))]


# Out of projects ------------------------------------------------------------------------------------------------------


def write_rows(run: Run, recipe: Recipe, projects: Sequence[Project], folder: Path) -> str:
    """The training rows and, where the recipe has a file for them, the held-out ones."""
    left_out: Counter[str] = Counter()
    held_out = openings_held_out(projects)
    rows = demonstrations if recipe.data is Data.DEMONSTRATIONS else prompts
    names = dict(recipe.files)
    files = {names.get("data") or names["prompts"]: Prompt.Split.TRAIN}
    if held_out_file := names.get("test_data") or names.get("held_out"):
        files[held_out_file] = Prompt.Split.TEST
    contents = {
        file: (row for project in projects for row in rows(project, split, recipe, held_out, left_out))
        for file, split in files.items()
    }
    manifest = write_files(folder, contents, left_out, projects)
    count = sum(file["rows"] for file in manifest["files"].values())
    DatasetSnapshot.objects.bulk_create(
        DatasetSnapshot(
            project=project, digest=manifest["sha256"], manifest=manifest, rows=count, created_by=run.created_by
        )
        for project in projects
    )
    return str(manifest["sha256"])


def demonstrations(
    project: Project, split: str, recipe: Recipe, held_out: set[bytes], left_out: Counter[str]
) -> Iterator[Row]:
    """The answers that people chose, each with the dialogue before it, whose own answers are not learned again.

    An answer that was found unsafe is better than its rival at most: it is no demonstration.
    """
    counts = Counts()
    for row in rows_of(project, Selection(split), counts, held_out):
        if row["chosen_safe"] is False:
            left_out[CHOSEN_UNSAFE] += 1
            continue
        yield {
            "messages": [*row["prompt"], *row["chosen"]],
            "trained_turns": "last",
            "id": row["id"],
            "source": project.slug,
        }
    left_out.update(counts.left_out)


def prompts(
    project: Project, split: str, recipe: Recipe, held_out: set[bytes], left_out: Counter[str]
) -> Iterator[Row]:
    """The project's prompts with the stream that each is of; for Ghost Attention each dialogue once, at its longest."""
    found = project.prompts.filter(split=split).order_by("pk")
    continued = set(continuations(found)) if recipe.data is Data.DIALOGUES else frozenset()
    for prompt in found.iterator(chunk_size=500):
        is_safety = project.is_safety or bool(prompt.risk_category)
        if split == Prompt.Split.TRAIN and opening_digest(prompt.messages) in held_out:
            left_out[HELD_OUT] += 1
        elif recipe.data is Data.SAFETY_PROMPTS and not is_safety:
            left_out["no adversarial prompt"] += 1
        elif as_key(prompt.messages) in continued:
            left_out["a later turn of the same dialogue is there"] += 1
        else:
            yield {
                "messages": prompt.messages,
                "id": f"{project.slug}-{prompt.pk}",
                "tag": Project.Dimension.SAFETY if is_safety else Project.Dimension.HELPFULNESS,
                "category": prompt.risk_category or prompt.category or None,
            }


def continuations(found: Iterable[Prompt]) -> Iterator[str]:
    """The beginnings, each ending with a user's message, of the dialogues among the prompts."""
    for prompt in found:
        for end in range(len(prompt.messages) - 2, 0, -2):
            yield as_key(prompt.messages[:end])


def as_key(messages: list[dict[str, str]]) -> str:
    return json.dumps([[message["role"], message["content"]] for message in messages])


# Out of files ---------------------------------------------------------------------------------------------------------


def keep_files(run: Run, recipe: Recipe, folder: Path) -> str:
    """Copies of the files that the run was given, read and checked as the recipe does. The lines to train on that open
    like a held-out prompt of any project stay out."""
    targets = dict(recipe.files)
    held_out = openings_held_out(Project.objects.all())  # type: ignore[arg-type]
    left_out: Counter[str] = Counter()
    contents = {}
    for name, given in run.config["files"].items():
        rows = read_given(Path(given), targets[name])
        if name in ("data", "prompts"):
            rows = [row for row in rows if not opens_held_out(row, held_out, left_out)]
        contents[targets[name]] = rows
    return str(write_files(folder, contents, left_out, [], run.config["files"])["sha256"])


def opens_held_out(row: Row, held_out: set[bytes], left_out: Counter[str]) -> bool:
    is_held_out = opening_digest(row["messages"]) in held_out
    left_out[HELD_OUT] += is_held_out
    return is_held_out


# Files ----------------------------------------------------------------------------------------------------------------


def write_files(
    folder: Path,
    contents: dict[str, Iterable[Row]],
    left_out: Counter[str],
    projects: Sequence[Project],
    given: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Write each file with its rows, then manifest.json; returns that. All appear whole, or none does: where an error
    comes in between, or the first file, which is trained on, would be empty. Raises ExportError."""
    manifest: dict[str, Any] = {
        "projects": [project.slug for project in projects],
        "given": given or {},
        "created_at": timezone.now().isoformat(),
        "files": {},
    }
    with appearing_whole(*(folder / name for name in contents), folder / "manifest.json") as (*files, manifest_file):
        for (name, rows), file in zip(contents.items(), files, strict=True):
            manifest["files"][name] = write_jsonl(file, rows)
        manifest["left_out"] = {reason: count for reason, count in left_out.items() if count}
        if not next(iter(manifest["files"].values()))["rows"]:
            reasons = ", ".join(f"{count} {reason}" for reason, count in manifest["left_out"].items())
            raise ExportError(f"there is nothing to train on; left out: {reasons or 'nothing'}")
        digests = "".join(file["sha256"] for file in manifest["files"].values())
        manifest["sha256"] = hashlib.sha256(digests.encode()).hexdigest()
        manifest_file.write(as_json(manifest))
    return manifest


def write_jsonl(file: BinaryIO, rows: Iterable[Row]) -> dict[str, Any]:
    digest, count = hashlib.sha256(), 0
    for row in rows:
        line = json.dumps(row, ensure_ascii=False).encode() + b"\n"
        digest.update(line)
        file.write(line)
        count += 1
    return {"rows": count, "sha256": digest.hexdigest()}
