"""How far raters disagree, and who is asked because of it."""

import pytest

from annotation import comparing
from annotation.comparing import Judgement
from annotation.disagreement import disagreement
from annotation.models import Item, Project
from annotation.reading import is_hasty
from tests.annotation.test_assigning_races import make_stored_item
from tests.factories import make_project, make_user

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("points", "scale", "expected"),
    [
        ([4, 4, 4], 7, 0.0),
        ([1, 7], 7, 1.0),
        ([3, 5], 7, 1 / 9),  # (2 / 6) squared
        ([1, 1, 5], 5, 2 / 3),  # of three pairs, two at both ends
        ([1, 2, 2], 2, 2 / 3),
        ([3], 7, None),
        ([], 7, None),
    ],
)
def test_it_is_the_mean_squared_distance_of_all_pairs(points: list[int], scale: int, expected: float | None) -> None:
    assert disagreement(points, scale) == (None if expected is None else pytest.approx(expected))


def test_points_outside_the_scale_are_refused() -> None:
    with pytest.raises(ValueError, match=r"from 1 to a scale of at least 2, got \[0, 3\] of 7"):
        disagreement([0, 3], 7)


def judge(project: Project, about_first: int) -> None:
    """One more rater says so about response_1 as A, wherever it stands."""
    annotator = make_user()
    place = comparing.take(project, annotator)
    assert place is not None
    comparison = place.comparisons.get()
    turned = comparison.response_a_id != place.item.response_1_id
    comparing.judge(comparison, annotator, Judgement(8 - about_first if turned else about_first, 7))


@pytest.mark.parametrize(
    ("said", "raters", "apart"),
    [
        ([2, 2], 2, 0.0),
        ([1, 7], 3, 1.0),
        ([1, 7, 1], 4, 2 / 3),
        ([1, 7, 1, 7], 4, 2 / 3),  # four of six pairs stand at both ends; four raters are the most
        ([1, 7, 7, 7], 4, 0.5),
    ],
)
def test_further_raters_are_asked_where_they_disagree(said: list[int], raters: int, apart: float) -> None:
    project = make_project(task_type=Project.TaskType.PAIRWISE_EVALUATION, overlap=2, max_overlap=4)
    make_stored_item(project, overlap=2)
    for points in said:
        judge(project, points)
    item = Item.objects.get()
    assert item.assignments.count() == raters
    assert item.disagreement == pytest.approx(apart)


def test_nobody_further_is_asked_unless_the_project_says_so() -> None:
    project = make_project(task_type=Project.TaskType.PAIRWISE_EVALUATION, overlap=2)
    make_stored_item(project, overlap=2)
    for points in (1, 7):
        judge(project, points)
    assert Item.objects.get().assignments.count() == 2


def test_haste_is_less_time_than_the_words_take_to_read() -> None:
    assert is_hasty(11.9, words=200, seconds_per_100_words=6)
    assert not is_hasty(12.0, words=200, seconds_per_100_words=6)
    assert not is_hasty(0.0, words=0, seconds_per_100_words=6)
