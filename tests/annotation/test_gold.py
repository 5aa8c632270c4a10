"""Gold items: given out at the project's rate, judged by what is known, with a warning and then a pause."""

import pytest

from annotation import assigning, comparing, gold
from annotation.gates import gate_of, standing_in
from annotation.gold import GoldError, GoldScore
from annotation.judgements import judgements_in
from annotation.models import Item, Project, Standing
from tests.annotation.judging import judge_next
from tests.factories import make_item, make_model, make_pair, make_project, make_user
from webapp.accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return make_project(task_type=Project.TaskType.PAIRWISE_EVALUATION, gold_share=1.0)


@pytest.fixture
def anna() -> User:
    return make_user()


def make_gold(project: Project, lowest: int = 1, highest: int = 2) -> Item:
    item = make_pair(project, make_model(), make_model())
    gold.make_gold(item, lowest, highest, "The first one knows the tide.")
    return item


def test_a_gold_item_is_given_to_everybody_once(project: Project) -> None:
    item = make_gold(project)
    assert not item.assignments.exists()  # no open place of its own
    for person in (make_user(), make_user()):
        assert judge_next(project, person, 1).item == item
        assert comparing.take(project, person) is None
    assert item.assignments.count() == 2


def test_none_is_given_out_at_a_rate_of_zero(project: Project, anna: User) -> None:
    make_gold(project)
    Project.objects.update(gold_share=0.0)
    project.refresh_from_db()
    assert comparing.take(project, anna) is None


@pytest.mark.parametrize(("points", "passed"), [(1, True), (2, True), (3, False), (4, False), (7, False)])
def test_it_is_judged_about_the_first_response_whichever_side_it_was_on(
    project: Project, anna: User, points: int, passed: bool
) -> None:
    for _ in range(4):  # sides are drawn
        make_gold(project, 1, 2)
        assert judge_next(project, anna, points).gold_passed is passed


def test_a_place_that_was_left_opens_for_nobody_else(project: Project, anna: User) -> None:
    item = make_gold(project)
    place = comparing.take(project, anna)
    assert place is not None
    assigning.skip(place, anna, "")
    assert not item.assignments.exists()
    assert comparing.take(project, anna) is None


def test_a_warning_comes_first_and_then_a_pause(project: Project, anna: User) -> None:
    """Marks 0.8 and 0.6: 5 of 6 right is 0.83, 5 of 7 is 0.71 (warned), 5 of 8 is 0.63, 5 of 9 is 0.56 (paused)."""
    for points in (1, 1, 1, 1, 1, 7):
        make_gold(project)
        judge_next(project, anna, points)
    assert gold.warning_for(project, anna, standing_in(project, anna)) is None
    make_gold(project)
    judge_next(project, anna, 7)
    assert gold.warning_for(project, anna, standing_in(project, anna)) == GoldScore(5, 7)
    for _ in range(2):
        assert gate_of(project, anna) is None
        make_gold(project)
        judge_next(project, anna, 7)
    gate = gate_of(project, anna)
    assert gate is not None and gate.name == "paused"
    assert "5 of the last 9" in Standing.objects.get().paused_because
    assert len(gate.context["failed"]) == 4

    gold.resume(project, anna)
    assert gate_of(project, anna) is None
    assert gold.score_of(project, anna) == GoldScore(0, 0)  # a new start


def test_too_few_gold_items_pause_nobody(project: Project, anna: User) -> None:
    for _ in range(gold.FEWEST - 1):
        make_gold(project)
        judge_next(project, anna, 7)
    assert not Standing.objects.exists()


def test_a_warning_that_was_read_starts_the_count_anew(project: Project, anna: User) -> None:
    for points in (1, 1, 1, 7, 1):
        make_gold(project)
        judge_next(project, anna, points)
    make_gold(project)
    judge_next(project, anna, 7)  # 4 of 6
    assert gold.warning_for(project, anna, standing_in(project, anna)) == GoldScore(4, 6)
    gold.heed(project, anna)
    assert gold.warning_for(project, anna, standing_in(project, anna)) is None
    assert gold.score_of(project, anna).of == 0


@pytest.mark.parametrize(("lowest", "highest"), [(0, 1), (2, 1), (7, 8)])
def test_points_that_nobody_could_give_are_refused(project: Project, lowest: int, highest: int) -> None:
    item = make_pair(project, make_model(), make_model())
    with pytest.raises(GoldError, match=f"between 1 and 7, got {lowest} to {highest}"):
        gold.make_gold(item, lowest, highest)
    assert item.assignments.exists()


def test_live_dialogues_have_no_gold() -> None:
    with pytest.raises(GoldError, match="preference project has no gold items"):
        gold.make_gold(make_item(make_project()), 1, 2)


def test_gold_judgements_stay_out_of_what_measures_models(project: Project, anna: User) -> None:
    make_gold(project)
    judge_next(project, anna, 1)
    make_pair(project, make_model(), make_model())
    plain = judge_next(project, anna, 1)
    rows = gold.without_gold(judgements_in(project), project)
    assert [row.comparison.assignment for row in rows] == [plain]
