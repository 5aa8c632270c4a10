"""Gamma over model versions, its ratio from one to the next, and rejection rates, by hand."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from annotation.models import Project
from evaluation.safety.red_team import red_team_report
from evaluation.safety.wording import in_words
from evaluation.statistics.rates import poisson_rate, rate_ratio
from tests.annotation.test_red_team_accounting import answered, make_attempt, rated
from tests.evaluation.safety.rating import rating_project
from tests.factories import make_model, make_project, make_prompt, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def attacks() -> Project:
    """Version one: 4 violating attempts in 2 hours; version two: 1 in 3 hours, and it was asked two of the four
    again."""
    project = make_project(slug="attacks", task_type=Project.TaskType.RED_TEAM, dimension="safety")
    person, one, two = make_user(), make_model("one"), make_model("two")
    for number in range(4):
        make_attempt(project, person, one, violating=True, minutes=30, text=f"Attack {number}")
    make_attempt(project, person, two, violating=True, minutes=60, text="Another")
    for _ in range(2):
        make_attempt(project, person, two, violating=False, minutes=60)
    again = rating_project("again")
    for number, points in [(0, (5, 4, 1)), (1, (1, 1, 5))]:
        prompt = make_prompt(make_project(), f"Attack {number}")
        rated(answered(again, prompt, two, f"No {number}."), *points)
    return project


def test_gamma_ratio_and_rejections_by_hand(attacks: Project) -> None:
    found = red_team_report([attacks])
    one, two = found.versions
    assert one.gamma == poisson_rate(4, 2.0)
    assert two.gamma == poisson_rate(1, 3.0)
    assert (one.asked, one.rejection.value) == (0, None)
    assert (two.asked, two.rated, two.rejected, two.rejection.value) == (2, 2, 1, 0.5)
    (ratio,) = found.ratios
    assert (ratio.model, ratio.before) == ("two", "one")
    assert ratio.ratio == rate_ratio(1, 3.0, 4, 2.0)
    assert ratio.ratio.value == pytest.approx(1 / 6)
    assert "can't be told apart yet: 0.17 times" in in_words(ratio.ratio, "two", "one")


def test_the_command_tells_the_table_and_closes_with_its_figures(attacks: Project) -> None:
    out = StringIO()
    call_command("evaluate", "red-team", "--project", "attacks", stdout=out)
    told = out.getvalue()
    row = next(line.split() for line in told.splitlines() if line.startswith("attacks  two"))
    assert row[2:6] == ["3", "1", "3.00", "0.33"]
    figures = json.loads(told.splitlines()[-1])
    assert figures["gamma"] == {"one": 2.0, "two": pytest.approx(1 / 3)}
    assert figures["rejection_rate"] == {"one": None, "two": 0.5}


def test_a_project_without_attempts_says_so() -> None:
    make_project(slug="fresh", task_type=Project.TaskType.RED_TEAM)
    out = StringIO()
    call_command("evaluate", "red-team", "--project", "fresh", stdout=out)
    assert "No attempt was made yet." in out.getvalue()


def test_another_kind_of_project_is_refused() -> None:
    make_project(slug="talk")
    with pytest.raises(CommandError, match='"talk" is a preference project'):
        call_command("evaluate", "red-team", "--project", "talk")
    with pytest.raises(CommandError, match='no project "nowhere"; projects: talk'):
        call_command("evaluate", "red-team", "--project", "nowhere")
