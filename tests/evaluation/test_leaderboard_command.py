"""manage.py evaluate leaderboard: ratings of a campaign or of a file of battles, in words and as JSON."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from annotation.models import Project
from tests.factories import make_judgement, make_model, make_pair, make_project, make_user

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("evaluate", "leaderboard", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def battles(tmp_path: Path) -> str:
    """Of x, y and z: each of two meets twice, and the one of them wins twice and ties once of three."""
    rows = ["question_id,model_a,model_b,winner"]
    for n, (a, b) in enumerate((("x", "y"), ("y", "z"), ("x", "z"))):
        winners = ("model_a", "model_a", "tie", "model_b")
        rows += [f"q{n}-{place},{a},{b},{winner}" for place, winner in enumerate(winners)]
    path = tmp_path / "battles.csv"
    path.write_text("\n".join(rows), encoding="utf-8")
    return str(path)


@pytest.fixture
def campaign() -> Project:
    project = make_project(slug="spring", task_type=Project.TaskType.PAIRWISE_EVALUATION, overlap=2)
    raters = [make_user() for _ in range(2)]
    models = [make_model(name) for name in ("x", "y")]
    for points in ((1, 2), (2, 3), (6, 5), (4, 4)):
        item = make_pair(project, models[0], models[1])
        for rater, given in zip(raters, points, strict=True):
            make_judgement(item, rater, given)
    return project


def test_a_files_ratings_have_ranks_fit_and_circles(battles: str) -> None:
    told = run("--file", battles)
    assert "12 battles of 3 models; Bradley and Terry's model with Davidson's ties" in told
    assert "X²" in told and "degrees of freedom" in told
    assert "None of 1 triple of models goes in a circle" in told
    assert "nan" not in told.lower()


def test_json_is_one_line_with_everything(battles: str) -> None:
    found = json.loads(run("--file", battles, "--ties", "rao-kupper", "--json"))
    assert found["ties"] == "rao-kupper"
    assert [standing["model"] for standing in found["standings"]] == ["x", "y", "z"]
    assert found["fit"]["degrees"] == 3  # three pairs with two free outcomes each, less two distances and a threshold
    assert found["circles"]["triples"] == 1


def test_a_campaigns_items_count_once_or_vote_by_vote(campaign: Project) -> None:
    by_item = json.loads(run("--campaign", "spring", "--json"))
    by_vote = json.loads(run("--campaign", "spring", "--rule", "vote", "--json"))
    assert (by_item["battles"], by_vote["battles"]) == (4, 8)
    assert by_item["standings"][0]["model"] == "x"


def test_graded_ratings_take_each_votes_strength(campaign: Project) -> None:
    found = json.loads(run("--campaign", "spring", "--ties", "graded", "--json"))
    assert (found["ties"], found["battles"]) == ("graded", 8)
    assert [level for level, _ in found["even_chances"]] == [3, 2, 1, 0, -1, -2, -3]


def test_no_judgement_is_said_in_words() -> None:
    make_project(slug="fresh", task_type=Project.TaskType.PAIRWISE_EVALUATION)
    assert "There are no comparisons yet." in run("--campaign", "fresh")


def test_a_wrong_file_is_refused_by_line(tmp_path: Path) -> None:
    path = tmp_path / "wrong.csv"
    path.write_text("model_a,model_b,winner\nx,y,model_c\n", encoding="utf-8")
    with pytest.raises(CommandError, match="line 2: winner must be one of"):
        run("--file", str(path))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--campaign", "nowhere"), 'no campaign "nowhere"'),
        ((), "one of the arguments --campaign --file is required"),
        (("--campaign", "spring", "--ties", "both"), "invalid choice: 'both'"),
        (("--campaign", "spring", "--confidence", "95"), "confidence must be between 0 and 1"),
    ],
)
def test_wrong_arguments_are_named(campaign: Project, arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        run(*arguments)
