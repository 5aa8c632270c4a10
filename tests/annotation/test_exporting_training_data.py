"""What a training run reads: two files by the prompts' split, and their digest."""

import json
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from annotation.exporting import ExportError, write_training_data
from annotation.models import DatasetSnapshot, Project
from modeling.preference_data import check_separate, read_pairs
from tests.annotation.files import imported, jsonl, trl_row
from tests.factories import make_project

pytestmark = pytest.mark.django_db


def collected(slug: str, count: int, **fields: object) -> Project:
    rows = [trl_row(prompt=f"Question {number}?", id=f"{slug}-{number}", **fields) for number in range(count)]
    return imported(jsonl(*rows), slug=slug).project


def test_test_prompts_never_train_whatever_the_project(tmp_path: Path) -> None:
    manifest = write_training_data([collected("swifts", 40), collected("terns", 40)], tmp_path / "data")
    train, test = (read_pairs(tmp_path / "data" / f"{split}.jsonl") for split in ("train", "test"))
    assert (len(train), len(test)) == (manifest["train"]["rows"], manifest["test"]["rows"])
    assert len(train) + len(test) == 80
    assert not {pair.prompt[0]["content"] for pair in train} & {pair.prompt[0]["content"] for pair in test}
    check_separate(train, test)


def test_a_prompt_held_out_in_one_project_does_not_train_from_another(tmp_path: Path, settings: Settings) -> None:
    settings.PLUMBLINE_TEST_SHARE = 0
    before = collected("swifts", 12)
    settings.PLUMBLINE_TEST_SHARE = 1
    after = collected("terns", 4)
    manifest = write_training_data([before, after], tmp_path)
    assert (manifest["train"]["rows"], manifest["test"]["rows"]) == (8, 4)
    assert manifest["train"]["left_out"] == {"opens like a held-out prompt": 4}


def test_training_reads_what_was_written(tmp_path: Path) -> None:
    write_training_data([collected("swifts", 10, rating="slightly", margin=0.9, rejected_safe=False)], tmp_path)
    pairs = [pair for split in ("train", "test") for pair in read_pairs(tmp_path / f"{split}.jsonl", may_be_empty=True)]
    assert {(pair.rating, pair.margin, pair.chosen_safe, pair.rejected_safe) for pair in pairs} == {
        ("slightly", 0.9, None, False)
    }
    assert {pair.id for pair in pairs} == {f"swifts-{number}" for number in range(10)}


def test_the_digest_names_the_data(tmp_path: Path) -> None:
    project = collected("swifts", 10)
    first, second = (write_training_data([project], tmp_path / name) for name in ("one", "two"))
    assert first["sha256"] == second["sha256"]
    assert json.loads((tmp_path / "one" / "manifest.json").read_text()) == first
    assert set(DatasetSnapshot.objects.values_list("digest", "rows")) == {(first["sha256"], 10)}
    imported(jsonl(trl_row(prompt="One more?")), slug="swifts")
    assert write_training_data([project], tmp_path / "three")["sha256"] != first["sha256"]


def test_nothing_to_train_on_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="swifts: no preference to train on"):
        write_training_data([make_project(slug="swifts")], tmp_path)
    with pytest.raises(ExportError, match="no project to train on"):
        write_training_data([], tmp_path)
    assert not DatasetSnapshot.objects.exists()
    assert not list(tmp_path.iterdir())
