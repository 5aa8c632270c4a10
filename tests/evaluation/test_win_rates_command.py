"""manage.py evaluate win-rates: of a campaign or a file, against published rows, wrong files by line."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from annotation.models import Project
from tests.factories import make_judgement, make_model, make_pair, make_project, make_user

pytestmark = pytest.mark.django_db
COLUMNS = "model,win_rate,standard_error,n_wins,n_wins_base,n_draws"


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("evaluate", "win-rates", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def annotations(tmp_path: Path) -> str:
    """Three models against a baseline on twelve prompts, whose answers differ in length."""
    rows = [
        {
            "prompt_id": f"p{prompt}",
            "generator_1": "base",
            "generator_2": model,
            "output_1": "w" * 20,
            "output_2": "w" * (10 + 3 * (prompt + place) % 25),
            "preference": 1 + (prompt * (2 + place) % 7) / 6,
        }
        for place, model in enumerate(("m", "n", "o"))
        for prompt in range(12)
    ]
    path = tmp_path / "annotations.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return str(path)


def test_continuous_preferences_are_averaged_as_alpaca_eval_does(annotations: str) -> None:
    """m's preferences less 1 are 0, 2, 4, 6, 1, 3, 5, 0, 2, 4, 6, 1 sixths: 34 of 72."""
    found = json.loads(run("--file", annotations, "--json"))
    (m,) = [meeting for meeting in found["meetings"] if meeting["first"] == "m"]
    assert m["rates"]["win_rate"]["value"] == pytest.approx(34 / 72)
    assert (m["rates"]["wins"], m["rates"]["ties"], m["rates"]["losses"]) == (5, 1, 6)
    assert m["length"]["win_rate"]["value"] is not None
    assert len(found["through"]) == 3


def test_the_tables_name_rates_lengths_and_opponents(annotations: str) -> None:
    told = run("--file", annotations)
    for title in ("Win rates, ties as half a win", "At equal length (characters)", "on the same prompts through"):
        assert title in told
    assert "nan" not in told.lower() and "None" not in told


def test_published_rows_are_held_against(annotations: str, tmp_path: Path) -> None:
    path = tmp_path / "published.csv"
    path.write_text(f"{COLUMNS}\nm,{100 * 34 / 72},,5,6,1\n", encoding="utf-8")
    told = run("--file", annotations, "--published", str(path))
    assert "4 of 4 figures agree to 1e-09" in told
    path.write_text(f"{COLUMNS}\nm,50,,5,6,1\n", encoding="utf-8")
    assert "3 of 4 figures agree" in run("--file", annotations, "--published", str(path))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("model,rate\nm,1\n", "must be CSV with the columns model, win_rate"),
        (f"{COLUMNS}\nm,high,,,,\n", "line 2: win_rate must be a number"),
        (
            f"{COLUMNS}\nz,1,1,1,1,1\n",
            "names none of the models: m, n, o",
        ),
    ],
)
def test_published_rows_that_are_none_are_refused(annotations: str, tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "published.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(CommandError, match=message):
        run("--file", annotations, "--published", str(path))


def test_a_campaigns_lengths_are_in_words() -> None:
    project = make_project(slug="spring", task_type=Project.TaskType.PAIRWISE_EVALUATION, overlap=1)
    models, rater = [make_model(name) for name in ("x", "y")], make_user()
    for points in (1, 1, 7):
        make_judgement(make_pair(project, models[0], models[1]), rater, points)
    told = run("--campaign", "spring")
    assert "At equal length (words)" in told
    assert "Fewer than 10 items are too few" in told
    found = json.loads(run("--campaign", "spring", "--json"))
    assert found["meetings"][0]["rates"]["wins"] == 2


def test_a_campaign_without_judgements_says_so() -> None:
    make_project(slug="fresh", task_type=Project.TaskType.PAIRWISE_EVALUATION)
    assert "There are no comparisons yet." in run("--campaign", "fresh")


def test_a_wrong_file_is_refused_by_line(tmp_path: Path) -> None:
    path = tmp_path / "wrong.jsonl"
    path.write_text('{"generator_1": "base", "generator_2": "m", "preference": 7}\n', encoding="utf-8")
    with pytest.raises(CommandError, match="line 1: preference must be from 1 to 2"):
        run("--file", str(path))
