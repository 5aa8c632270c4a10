"""Writing a run's data folder: what each recipe reads, out of projects or files, with a manifest and its digest.

A test prompt never trains a model (architecture.md, invariant 6): what comes from a project keeps to its side of the
split, and what comes from a file leaves out every line that opens like a held-out prompt of this installation.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median_low
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
from annotation.exporting_demonstrations import training_rows
from annotation.models import DatasetSnapshot, Project, Prompt, Rating, Response
from annotation.models.prompts import opening_digest
from modeling.candidates import merge_bags, read_candidates
from modeling.json_lines import DataError
from modeling.registry.models import Run
from workers.given_files import read_given
from workers.recipes import RECIPES, REWARD_MODEL, Data, Recipe

Row = dict[str, Any]
QUALITY_POINTS = 7
CHOSEN_UNSAFE = "the chosen answer is unsafe"


def write_data(run: Run, folder: Path) -> str:
    """Write the run's data into the folder; the SHA-256 that names it. Raises ExportError."""
    recipe = RECIPES[run.kind]
    projects, opened = (named_projects(run.config.get(key, [])) for key in ("projects", "open_projects"))
    folder.mkdir(parents=True, exist_ok=True)
    if recipe.data is Data.PAIRS:
        mixed = run.config["settings"].get("mix", "none") != "none"
        sources = {project.slug: project.dimension for project in projects} | dict.fromkeys(slugs(opened), "open")
        manifest = write_training_data(
            [*projects, *opened], folder, sources=sources if mixed else None, created_by=run.created_by
        )
        if recipe is REWARD_MODEL and run.config.get("dimension") == Project.Dimension.HELPFULNESS:
            write_ratings(folder)
        return str(manifest["sha256"])
    left_out: Counter[str] = Counter()
    given = run.config.get("files", {})
    contents = project_rows(recipe, projects, left_out) | given_rows(recipe, given, left_out)
    if bag := run.config.get("bag"):
        contents["candidates.jsonl"] = bag_rows(bag)
    manifest = write_files(folder, contents, {"projects": slugs(projects), "given": given}, left_out)
    DatasetSnapshot.objects.bulk_create(
        DatasetSnapshot(
            project=project,
            digest=manifest["sha256"],
            manifest=manifest,
            rows=sum(file["rows"] for file in manifest["files"].values()),
            created_by=run.created_by,
        )
        for project in projects
    )
    return str(manifest["sha256"])


def write_ratings(folder: Path) -> None:
    """ratings.jsonl: what people think of the quality of answers, with which the reward model's scores are compared
    (section 3.4.1). A line is an answer that a quality rating project rates on seven points, with the median of its
    raters, the lower one of two. Nothing trains on it."""
    points: dict[int, list[int]] = {}
    said = Rating.objects.filter(
        current=True, scale=QUALITY_POINTS, assignment__project__task_type=Project.TaskType.QUALITY_RATING
    )
    for response, given in said.order_by("response").values_list("response", "points"):
        points.setdefault(response, []).append(given)
    if not points:
        return
    rated = Response.objects.filter(pk__in=points).select_related("prompt").order_by("pk")
    rows = (
        {"messages": each.prompt.messages, "answer": each.text, "rating": median_low(points[each.pk])} for each in rated
    )
    with appearing_whole(folder / "ratings.jsonl") as (file,):
        write_jsonl(file, rows)


def left_out_of(folder: Path) -> dict[str, int]:
    """What stayed out of a run's data, by its reason."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    parts = [manifest, *(manifest.get(split, {}) for split in Prompt.Split.values)]
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part.get("left_out", {}))
    return dict(total)


def named_projects(names: Sequence[str]) -> list[Project]:
    """The projects of these slugs, in the slugs' order. Raises ExportError where one is gone."""
    projects = list(Project.objects.filter(slug__in=names).order_by("slug"))
    if missing := sorted(set(names) - set(slugs(projects))):
        raise ExportError(f"there is no project {', '.join(missing)} any more")
    return projects


def slugs(projects: Sequence[Project]) -> list[str]:
    return [project.slug for project in projects]


# Out of projects ------------------------------------------------------------------------------------------------------


def project_rows(recipe: Recipe, projects: Sequence[Project], left_out: Counter[str]) -> dict[str, Iterable[Row]]:
    """The rows to train on and, where the recipe has a file for them, the held-out ones, by their file."""
    if not projects:
        return {}
    held_out = openings_held_out(projects)
    rows = demonstrations if recipe.data is Data.DEMONSTRATIONS else prompts

    def of_split(split: str) -> Iterator[Row]:
        for project in projects:
            yield from rows(project, split, recipe, held_out, left_out)

    names = dict(recipe.files)
    contents: dict[str, Iterable[Row]] = {names.get("data") or names["prompts"]: of_split(Prompt.Split.TRAIN)}
    if file := names.get("test_data") or names.get("held_out"):
        contents[file] = of_split(Prompt.Split.TEST)
    if recipe.data is Data.SAFETY_PROMPTS:
        trained, tested = ([*each] for each in contents.values())
        contents = dict(zip(contents, (trained, without_trained_words(tested, trained, left_out)), strict=True))
    return contents


def without_trained_words(tested: list[Row], trained: list[Row], left_out: Counter[str]) -> list[Row]:
    """The held-out prompts whose last message no trained prompt ends with: context distillation tells prompts apart by
    it, and late in a dialogue people say the same things ("Please!")."""
    words = {row["messages"][-1]["content"] for row in trained}
    kept = [row for row in tested if row["messages"][-1]["content"] not in words]
    left_out["held out, but ends like a trained prompt"] += len(tested) - len(kept)
    return kept


def demonstrations(
    project: Project, split: str, recipe: Recipe, held_out: set[bytes], left_out: Counter[str]
) -> Iterator[Row]:
    """The answers that people wrote or chose, each with the dialogue before it, whose own answers are not learned.

    A chosen answer that was found unsafe is better than its rival at most: it is no demonstration.
    """
    if project.task_type == Project.TaskType.DEMONSTRATION:
        yield from training_rows(project, split, held_out, left_out)
        return
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


def given_rows(recipe: Recipe, given: dict[str, str], left_out: Counter[str]) -> dict[str, Iterable[Row]]:
    """The rows of files, read and checked as the recipe does. The lines to train on that open like a held-out prompt of
    any project stay out."""
    held_out = openings_held_out(list(Project.objects.all())) if given else set()
    targets = dict(recipe.files)
    contents: dict[str, Iterable[Row]] = {}
    for name in sorted(given, key=list(targets).index):  # what is trained on comes first
        rows = read_given(Path(given[name]), targets[name], recipe.data)
        if (
            name in ("data", "prompts") and recipe.data is not Data.REFUSALS
        ):  # what a classifier reads is no prompt to it
            rows = [row for row in rows if not opens_held_out(row, held_out, left_out)]
        contents[targets[name]] = rows
    return contents


def opens_held_out(row: Row, held_out: set[bytes], left_out: Counter[str]) -> bool:
    is_held_out = opening_digest(row["messages"]) in held_out
    left_out[HELD_OUT] += is_held_out
    return is_held_out


def bag_rows(runs: Sequence[int]) -> list[Row]:
    """The candidates of earlier rejection sampling runs, each draw once. Raises ExportError where a bag is gone."""
    folders = dict(Run.objects.filter(pk__in=runs).order_by("pk").values_list("pk", "folder"))
    try:
        bags = [read_candidates(Path(folder) / "candidates.jsonl") for folder in folders.values()]
    except DataError as error:
        raise ExportError(f"the candidates of an earlier run: {error}") from error
    return [asdict(candidate) for candidate in merge_bags(*bags)]


# Files ----------------------------------------------------------------------------------------------------------------


def write_files(
    folder: Path, contents: dict[str, Iterable[Row]], origin: dict[str, Any], left_out: Counter[str]
) -> dict[str, Any]:
    """Write each file with its rows, then manifest.json; returns that. A file without rows is not written, except that
    the first one must have some. All files appear whole, or none does: an error in between leaves nothing. Raises
    ExportError."""
    rows = {name: list(each) for name, each in contents.items()}
    reasons = {reason: count for reason, count in left_out.items() if count}
    if not rows[next(iter(rows))]:
        said = ", ".join(f"{count} ({reason})" for reason, count in reasons.items())
        raise ExportError(f"there is nothing to train on; left out: {said or 'nothing'}")
    written = {name: each for name, each in rows.items() if each}
    manifest: dict[str, Any] = {**origin, "created_at": timezone.now().isoformat(), "left_out": reasons, "files": {}}
    with appearing_whole(*(folder / name for name in written), folder / "manifest.json") as (*files, manifest_file):
        for (name, each), file in zip(written.items(), files, strict=True):
            manifest["files"][name] = write_jsonl(file, each)
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
