"""Preferences leave as TRL JSONL, with a manifest that says what is in it."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from annotation.exporting import ExportError, Selection, export, row_of
from annotation.models import DatasetSnapshot, GuidelineVersion, Project
from tests.annotation.files import imported, jsonl, trl_row
from tests.factories import make_comparison, make_preference, make_project, make_prompt

pytestmark = pytest.mark.django_db


def exported(project: Project, folder: Path, **selection: Any) -> list[dict[str, Any]]:
    path = folder / "pairs.jsonl"
    export(project, path, Selection(**selection))
    return [json.loads(line) for line in path.read_text().splitlines()]


def judged(project: Project, points: int | None = 1, **fields: Any) -> Any:
    comparison = {name: fields.pop(name) for name in ("a", "b", "prompt", "batch", "turn") if name in fields}
    return make_preference(make_comparison(project, **comparison), points, **fields)


def test_a_row_is_a_trl_preference_with_what_is_known_beside_it(tmp_path: Path) -> None:
    project = make_project(slug="knots", dimension="safety")
    prompt = make_prompt(project, "How is a bowline tied?")
    batch = project.batches.create(number=3)
    preference = judged(project, 7, prompt=prompt, batch=batch, a="Badly.", b="With a loop.", a_safe=False, b_safe=True)
    assert exported(project, tmp_path) == [
        {
            "prompt": [{"role": "user", "content": "How is a bowline tied?"}],
            "chosen": [{"role": "assistant", "content": "With a loop."}],
            "rejected": [{"role": "assistant", "content": "Badly."}],
            "margin": 2 / 3,
            "rating": "better",
            "chosen_safe": True,
            "rejected_safe": False,
            "split": prompt.split,
            "batch": "batch 3",
            "id": f"knots-{preference.comparison_id}",
        }
    ]


@pytest.mark.parametrize(
    ("scale", "margins"),
    [
        ("small", [1, 2 / 3, 1 / 3, 0, 0, 1 / 3, 2 / 3, 1]),
        ("large", [3, 2, 1, 0, 0, 1, 2, 3]),
        ("none", [None] * 8),
    ],
)
def test_the_margin_is_that_of_the_rating(tmp_path: Path, scale: str, margins: list[float | None]) -> None:
    project = make_project()
    for points in range(1, 9):
        judged(project, points)
    assert [row["margin"] for row in exported(project, tmp_path, margin=scale)] == margins


def test_an_imported_margin_stays_as_it_was(tmp_path: Path) -> None:
    project = imported(jsonl(trl_row(margin=1.75))).project
    (row,) = exported(project, tmp_path, margin="large")
    assert (row["margin"], row["rating"]) == (1.75, "better")


def test_what_cannot_train_stays_out_and_is_counted(tmp_path: Path) -> None:
    project = make_project(dimension="safety")
    judged(project, a_safe=False, b_safe=True)  # the safer answer lost
    judged(project, a_safe=False, b_safe=False)
    judged(project, a_safe=True, b_safe=False)
    judged(project, None)  # both unusable
    judged(project, None, choice="tie")
    judged(project, a="The same.", b="The same.")
    judged(project, b="  ")
    make_comparison(project)
    snapshot = export(project, tmp_path / "pairs.jsonl")
    assert snapshot.rows == 2
    assert snapshot.manifest["left_out"] == {
        "chosen answer unsafe, other safe": 1,
        "both answers unusable": 1,
        "tie": 1,
        "both answers are the same": 1,
        "an answer is empty": 1,
        "no judgement yet": 1,
    }


def test_only_the_latest_revision_counts(tmp_path: Path) -> None:
    project = make_project()
    first = judged(project, 1, a="Left.", b="Right.")
    type(first).objects.update(current=False)
    make_preference(first.comparison, 8, revision=2)
    (row,) = exported(project, tmp_path)
    assert row["chosen"][0]["content"] == "Right."


def test_it_takes_one_split_or_one_batch(tmp_path: Path) -> None:
    project = make_project()
    june = project.batches.create(number=1, name="June")
    for number in range(30):
        judged(project, prompt=make_prompt(project, f"Question {number}?"), batch=june if number < 10 else None)
    train, test = (exported(project, tmp_path, split=split) for split in ("train", "test"))
    assert {row["split"] for row in train} == {"train"}
    assert {row["split"] for row in test} == {"test"}
    assert len(train) + len(test) == len(exported(project, tmp_path)) == 30
    assert len(exported(project, tmp_path, batch="June")) == 10


def test_the_manifest_and_the_snapshot_name_the_exact_bytes(tmp_path: Path) -> None:
    project = make_project(slug="knots")
    guideline = GuidelineVersion.objects.create(project=project, number=2, text="Prefer the safer knot.")
    judged(project, 1, guideline=guideline)
    judged(project, 4)
    snapshot = export(project, tmp_path / "pairs.jsonl", Selection(margin="large"))
    manifest = json.loads((tmp_path / "pairs.manifest.json").read_text())
    assert manifest == DatasetSnapshot.objects.get().manifest
    assert manifest["sha256"] == hashlib.sha256((tmp_path / "pairs.jsonl").read_bytes()).hexdigest() == snapshot.digest
    assert manifest["filters"] == {"split": "all", "batch": None, "margin": "large"}
    assert manifest["ratings"] == {"significantly": 1, "negligibly": 1}
    assert manifest["guidelines"] == {"knots 2": 1, "none": 1}
    assert manifest["sources"] == {"collected here": 2}
    assert manifest["rows"] == 2


def test_import_export_import_says_the_same(tmp_path: Path) -> None:
    rows = [
        trl_row(prompt=f"Question {number}?", id=f"q-{number}", batch="June", rejected_safe=False, chosen_safe=True)
        | {"margin": number / 10, "rating": "slightly"}
        for number in range(20)
    ]
    original = imported(jsonl(*rows, trl_row()), slug="first", dimension="safety").project
    once = exported(original, tmp_path)
    copy = imported((tmp_path / "pairs.jsonl").open("rb"), slug="second", dimension="safety").project
    for row, wanted in zip(once, rows, strict=False):
        assert {name: row[name] for name in ("id", "batch", "margin", "rating", "chosen_safe", "rejected_safe")} == {
            name: wanted[name] for name in ("id", "batch", "margin", "rating", "chosen_safe", "rejected_safe")
        }
    again = exported(copy, tmp_path)
    # A row without an id is named by its project; all else is the same.
    assert [row | {"id": ""} for row in again] == [row | {"id": ""} for row in once]
    assert imported((tmp_path / "pairs.jsonl").open("rb"), slug="second", dimension="safety").new == 0


def test_a_pairwise_evaluation_never_trains(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="only preference projects are exported"):
        export(make_project(task_type="pairwise_evaluation"), tmp_path / "pairs.jsonl")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("place", ["missing/pairs.jsonl", "."])
def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, place: str) -> None:
    project = make_project()
    judged(project)
    with pytest.raises(ExportError, match="can't write"):
        export(project, tmp_path / place)
    assert not list(tmp_path.iterdir())
    assert not DatasetSnapshot.objects.exists()


def test_a_device_or_a_pipe_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(ExportError, match="a folder or a device; name a file"):
        export(make_project(), pipe)
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]
    assert pipe.is_fifo()


def test_an_export_that_fails_leaves_the_last_one_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = make_project()
    judged(project)
    export(project, tmp_path / "pairs.jsonl")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def stopped(*args: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("annotation.exporting.row_of", stopped)
    with pytest.raises(KeyboardInterrupt):
        export(project, tmp_path / "pairs.jsonl")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert DatasetSnapshot.objects.count() == 1


def test_no_manifest_speaks_of_rows_that_could_not_be_put_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make_project()
    judged(project)

    def taking_the_place(*args: Any) -> dict[str, Any]:
        (tmp_path / "pairs.jsonl").mkdir()
        return row_of(*args)

    monkeypatch.setattr("annotation.exporting.row_of", taking_the_place)
    with pytest.raises(ExportError, match=r"can't write .*pairs\.jsonl"):
        export(project, tmp_path / "pairs.jsonl")
    assert [path.name for path in tmp_path.iterdir()] == ["pairs.jsonl"]
    assert not DatasetSnapshot.objects.exists()


@pytest.mark.parametrize(
    ("fields", "reason"),
    [({"split": "dev"}, "split must be one of train, test, all, got 'dev'"), ({"margin": "huge"}, "margin must be")],
)
def test_a_selection_that_means_nothing_is_refused(fields: dict[str, str], reason: str) -> None:
    with pytest.raises(ExportError) as error:
        Selection(**fields)
    assert reason in str(error.value)


def test_an_unknown_batch_is_named_with_those_there_are(tmp_path: Path) -> None:
    project = make_project()
    project.batches.create(number=1, name="June")
    with pytest.raises(ExportError, match='has no batch "July"; its batches: June'):
        exported(project, tmp_path, batch="July")


def test_two_batches_of_one_name_are_not_taken_for_one(tmp_path: Path) -> None:
    project = make_project(slug="knots")
    for number in (2, 5):
        judged(project, batch=project.batches.create(number=number, name="June"))
    with pytest.raises(ExportError, match='"knots" has batches 2 and 5 both called "June": rename all but one'):
        exported(project, tmp_path, batch="June")
