"""import_preferences, import_prompts and export_preferences on the command line."""

import gzip
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from annotation.models import Comparison, DatasetSnapshot, Project
from tests.annotation.files import FIXTURES, jsonl, trl_row
from tests.factories import make_project

pytestmark = pytest.mark.django_db

PAIRS = ["--format", "hh", "--project", "knives", "--dimension", "safety"]


def run(*args: str) -> tuple[str, dict[str, Any]]:
    """All of the command's output, and its last line as JSON."""
    out = io.StringIO()
    call_command(*args, stdout=out)
    return out.getvalue(), json.loads(out.getvalue().splitlines()[-1])


def test_importing_ends_with_a_summary_and_one_line_of_json() -> None:
    text, figures = run("import_preferences", str(FIXTURES / "hh.jsonl"), *PAIRS)
    assert "3 new pairs were imported, 0 already there" in text
    assert "1 left out: an answer is empty" in text
    assert "1 mended: neighbouring messages of one role merged into one" in text
    assert figures == {
        "project": "knives",
        "project_created": True,
        "format": "hh",
        "dry_run": False,
        "rows": 5,
        "new": 3,
        "already_there": 0,
        "left_out": {"an answer is empty": 1, "the two dialogues part before their last message": 1},
        "mended": {"neighbouring messages of one role merged into one": 1},
        "judgements": {"unrated": 3},
    }
    assert Project.objects.get().dimension == "safety"


def test_a_second_import_finds_the_same_pairs_and_says_how_they_were_mended() -> None:
    _, first = run("import_preferences", str(FIXTURES / "hh.jsonl"), *PAIRS)
    _, second = run("import_preferences", str(FIXTURES / "hh.jsonl"), *PAIRS)
    assert (second["new"], second["already_there"], second["project_created"]) == (0, 3, False)
    assert second["mended"] == first["mended"] and second["left_out"] == first["left_out"]


def test_a_dry_run_makes_no_project_and_says_so() -> None:
    text, figures = run("import_preferences", str(FIXTURES / "hh.jsonl"), *PAIRS, "--dry-run")
    assert "5 rows of Anthropic HH for knives, a project would be made for them" in text
    assert figures["project_created"] is False and not Project.objects.exists()


def test_one_is_counted_in_the_singular(tmp_path: Path) -> None:
    (tmp_path / "pair.jsonl").write_bytes(jsonl(trl_row()).getvalue())
    (tmp_path / "prompt.jsonl").write_bytes(jsonl({"prompt": "Why?"}).getvalue())
    text, _ = run("import_preferences", str(tmp_path / "pair.jsonl"), "--format", "trl", *PAIRS[2:])
    assert "1 row of TRL preferences" in text and "1 new pair was imported" in text
    text, _ = run("import_prompts", str(tmp_path / "prompt.jsonl"), "--project", "knives")
    assert "1 prompt for knives" in text and "1 place for annotators opened" in text
    text, _ = run("export_preferences", "--project", "knives", str(tmp_path / "out.jsonl"))
    assert "1 pair of knives written" in text


def test_a_minus_reads_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    content = gzip.compress((FIXTURES / "hh.jsonl").read_bytes())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert run("import_preferences", "-", *PAIRS)[1]["new"] == 3


def test_prompts_come_in_and_pairs_go_out(tmp_path: Path) -> None:
    run("import_preferences", str(FIXTURES / "hh.jsonl"), *PAIRS)
    _, prompts = run("import_prompts", str(FIXTURES / "prompts.csv"), "--project", "knives")
    assert (prompts["project"], prompts["new"], prompts["places"]) == ("knives", 2, 2)
    text, manifest = run("export_preferences", "--project", "knives", str(tmp_path / "out.jsonl"))
    assert "3 pairs of knives written to" in text
    assert manifest["rows"] == len((tmp_path / "out.jsonl").read_text().splitlines()) == 3
    assert (tmp_path / "out.manifest.json").exists()


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (["import_preferences", "nowhere.jsonl", *PAIRS], "nowhere.jsonl can't be read (No such file or directory)"),
        (["import_preferences", ".", *PAIRS], "can't be read (Is a directory)"),
        (["import_preferences", str(FIXTURES / "prompts.csv"), *PAIRS], "line 1: not valid JSON"),
        (["import_preferences", str(FIXTURES / "hh.jsonl"), *PAIRS[:3], "a b", *PAIRS[4:]], "project must be letters"),
        (
            ["import_prompts", str(FIXTURES / "prompts.csv"), "--project", "none"],
            'there is no project "none"; projects',
        ),
        (["export_preferences", "--project", "none", "out.jsonl"], 'there is no project "none"; projects: held'),
        (["export_preferences", "--project", "held", "missing/out.jsonl"], "can't write missing/out.jsonl"),
        (["export_preferences", "--project", "held", "out.jsonl", "--dimension", "safety"], "not safety"),
        (["export_preferences", "--project", "held", "-"], "OUT must be a file's name, got -"),
        (["export_preferences", "--project", "held", "out.jsonl", "--batch", "May"], 'no batch "May"'),
    ],
)
def test_wrong_use_is_a_clear_error_and_changes_nothing(
    args: list[str], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make_project(slug="held")
    with pytest.raises(CommandError) as error:
        run(*args)
    assert reason in str(error.value)
    assert error.value.returncode == 1
    assert list(Project.objects.values_list("slug", flat=True)) == ["held"]
    assert not Comparison.objects.exists()
    assert not DatasetSnapshot.objects.exists()
    assert not list(tmp_path.iterdir())


def test_control_c_imports_nothing_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pairs.jsonl").write_bytes(jsonl(trl_row()).getvalue())

    def interrupted(*args: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("annotation.importing.storing.Store.place", interrupted)
    command = ["import_preferences", str(tmp_path / "pairs.jsonl"), "--format", "trl", *PAIRS[2:]]
    with pytest.raises(CommandError, match="stopped; nothing was imported"):
        run(*command)
    assert not Project.objects.exists()
