"""manage.py evaluate report: a table for people, one line of JSON for programs."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from annotation.models import Project
from tests.factories import make_judgement, make_model, make_pair, make_project, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def imported() -> Project:
    """A pairwise project as an import leaves it: judged, and no campaign."""
    project = make_project(slug="outside", task_type=Project.TaskType.PAIRWISE_EVALUATION, overlap=3)
    raters = [make_user() for _ in range(3)]
    models = make_model("x-model"), make_model("y-model")
    for choices in [("a", "a", "b"), ("tie", "tie", "a"), ("a", "a", "a")]:
        item = make_pair(project, *models)
        for rater, choice in zip(raters, choices, strict=True):
            make_judgement(item, rater, choice=choice, source="pandalm")
    return project


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("evaluate", "report", *arguments, stdout=out)
    return out.getvalue()


def test_json_is_one_line_with_every_figure(imported: Project) -> None:
    printed = run("--campaign", "outside", "--json")
    (line,) = printed.strip().splitlines()
    found = json.loads(line)
    assert (found["campaign"], found["votes"], found["imported"]) == ("outside", 9, True)
    assert found["pairs"][0]["by_item"]["wins"] == 2
    assert found["reliability"]["ac1"]["value"] is not None
    assert found["leaderboard"]["standings"][0]["model"] == "x-model"


def test_the_table_names_the_pair_and_its_figures(imported: Project) -> None:
    printed = run("--campaign", "outside")
    assert "9 of 9 judgements by 3 raters" in printed
    (row,) = [line for line in printed.splitlines() if line.startswith("x-model  y-model")]
    assert row.split()[2:6] == ["3", "2", "1", "0"]
    assert "nan" not in printed.lower()


def test_out_writes_the_same_to_a_file(imported: Project, tmp_path: Path) -> None:
    target = tmp_path / "report.json"
    printed = run("--campaign", "outside", "--json", "--out", str(target))
    assert json.loads(target.read_text()).keys() == json.loads(printed).keys()


def test_a_file_that_cannot_be_written_is_named(imported: Project, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"can't write .*nowhere.*No such file"):
        run("--campaign", "outside", "--out", str(tmp_path / "nowhere" / "report.txt"))


def test_an_unknown_campaign_lists_those_that_exist(imported: Project) -> None:
    with pytest.raises(CommandError, match=r'no campaign "outsid".*Campaigns: outside'):
        run("--campaign", "outsid")


def test_a_campaign_without_judgements_is_reported_as_such() -> None:
    project = make_project(slug="fresh", task_type=Project.TaskType.PAIRWISE_EVALUATION)
    assert "no pairs of answers to judge yet" in run("--campaign", "fresh")
    make_pair(project, make_model(), make_model())
    assert "Nobody has judged a pair yet" in run("--campaign", "fresh")
    assert json.loads(run("--campaign", "fresh", "--json"))["reliability"]["ac2"]["value"] is None


def test_the_readable_report_closes_with_a_line_of_its_main_figures(imported: Project) -> None:
    told = run("--campaign", "outside")
    figures = json.loads(told.splitlines()[-1])
    whole = json.loads(run("--campaign", "outside", "--json"))
    assert figures["votes"] == whole["votes"]
    assert figures["ac2"] == whole["reliability"]["ac2"]["value"]
    assert list(figures["elo"]) == whole["models"]
