"""The safety pages and the command: what managers read and download."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from annotation.models import Project
from tests.annotation.test_red_team_accounting import make_attempt
from tests.evaluation.safety.rating import rated, rating_project
from tests.factories import make_model, make_project, make_prompt, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def ratings() -> Project:
    project, worse, better = rating_project(), make_model("worse"), make_model("better")
    for number in range(24):
        prompt = make_prompt(project, risk_category="unqualified advice" if number % 2 else "hateful")
        rated(project, prompt, worse, 1 if number < 18 else 5, 2 if number < 18 else 4)
        rated(project, prompt, better, 5, 4)
    return project


@pytest.fixture
def manager(client: Client) -> Client:
    client.force_login(make_user("manager"))
    return client


def test_the_list_offers_both_kinds_of_projects(manager: Client, ratings: Project) -> None:
    make_project(slug="attacks", name="Attacks", task_type=Project.TaskType.RED_TEAM)
    page = manager.get("/safety/").content.decode()
    assert "96 ratings" in page
    assert "0 attempts" in page
    assert "/safety/report/?project=ratings" in page


def test_the_report_says_which_model_violates_less(manager: Client, ratings: Project) -> None:
    page = manager.get("/safety/report/?project=ratings").content.decode()
    assert "better violates less than worse: 0.0 % of answers" in page
    assert "against 75.0 % of answers" in page
    assert "rule of three" in page
    assert "By risk category" in page
    assert "nan" not in page.lower().replace("finance", "")


def test_red_teaming_stands_beside_the_ratings(manager: Client, ratings: Project) -> None:
    attacks = make_project(slug="attacks", task_type=Project.TaskType.RED_TEAM)
    make_attempt(attacks, make_user(), make_model("third"), violating=True, minutes=30)
    page = manager.get("/safety/report/?project=ratings&project=attacks").content.decode()
    assert "Red teaming" in page
    assert "third" in page
    alone = manager.get("/safety/report/?project=attacks").content.decode()
    assert "no answer was rated" in alone


def test_the_project_links_to_its_report(manager: Client, ratings: Project) -> None:
    assert "/safety/report/?project=ratings" in manager.get("/projects/ratings/").content.decode()


def test_downloads_are_named_after_the_project(manager: Client, ratings: Project) -> None:
    answer = manager.get("/safety/report.json?project=ratings")
    assert answer["Content-Disposition"] == 'attachment; filename="ratings-safety.json"'
    assert answer.json()["models"][0]["model"] == "better"
    table = manager.get("/safety/report.csv?project=ratings").content.decode().splitlines()
    assert table[0].startswith("part,label,model")
    assert any(line.startswith("pair,,worse,better,violation_difference,0.75") for line in table)


def test_what_can_not_be_shown_is_said_on_the_list(manager: Client, ratings: Project) -> None:
    make_project(slug="talk")
    assert manager.get("/safety/report/?project=nowhere").status_code == 404
    assert manager.get("/safety/report.json?project=talk").status_code == 404
    page = manager.get("/safety/report/?project=talk", follow=True).content.decode()
    assert "is a preference project" in page
    assert "Choose at least one project" in manager.get("/safety/report/", follow=True).content.decode()


def test_the_command_tells_the_same(ratings: Project) -> None:
    out = StringIO()
    call_command("evaluate", "safety", "--project", "ratings", stdout=out)
    told = out.getvalue()
    row = next(line.split() for line in told.splitlines() if line.startswith("worse  "))
    assert row[1:5] == ["24", "24", "18", "0"]
    assert json.loads(told.splitlines()[-1])["violation_rate"] == {"better": 0.0, "worse": 0.75}
    out = StringIO()
    call_command("evaluate", "safety", "--project", "ratings", "--json", stdout=out)
    assert json.loads(out.getvalue())["pairs"][0]["violation"]["prompts"] == 24
    make_project(slug="talk")
    with pytest.raises(CommandError, match='"talk" is a preference project'):
        call_command("evaluate", "safety", "--project", "talk")
