"""Tallies say what the judgements say, whatever becomes of those."""

from datetime import timedelta

import pytest
from django.utils import timezone

from annotation import comparing, reviewing, revising, tallies
from annotation.comparing import Judgement
from annotation.models import Batch, Preference, Project, StaleTally, Tally
from tests.annotation.judging import judge_next
from tests.factories import make_item, make_judgement, make_model, make_pair, make_project, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return make_project(task_type=Project.TaskType.PAIRWISE_EVALUATION, overlap=3)


def summed(project: Project, *names: str) -> tuple[int, ...]:
    tallies.refresh(project)
    rows = list(Tally.objects.filter(project=project).values_list(*names))
    return tuple(sum(column) for column in zip(*rows, strict=True)) if rows else (0,) * len(names)


def test_each_judgement_is_counted_once_it_is_made(project: Project) -> None:
    make_pair(project, make_model(), make_model())
    anna, ben = make_user(), make_user()
    judge_next(project, anna, 1)
    assert summed(project, "judged", "places") == (1, 1)
    judge_next(project, ben, 4)
    assert summed(project, "judged", "tied", "places") == (2, 1, 2)
    assert not StaleTally.objects.exists()
    assert {tally.annotator for tally in Tally.objects.all()} == {anna, ben}


def test_a_revision_and_a_rejection_move_the_counts(project: Project) -> None:
    make_pair(project, make_model(), make_model())
    anna = make_user()
    place = judge_next(project, anna, 4)
    revising.take_back(place, anna)
    comparing.judge(place.comparisons.get(), anna, Judgement(1, 7))
    assert summed(project, "judged", "tied", "chose_a") == (1, 0, 1)
    place.refresh_from_db()
    reviewing.review(place, make_user("reviewer"), "rejected", "Random.")
    assert summed(project, "judged", "rejected", "places") == (0, 1, 0)


def test_who_agrees_with_the_majority_changes_with_the_others_votes(project: Project) -> None:
    item = make_pair(project, make_model(), make_model())
    anna, ben, chris = make_user(), make_user(), make_user()
    judge_next(project, anna, 1)
    judge_next(project, ben, 7)
    assert summed(project, "compared", "with_majority") == (2, 0)
    judge_next(project, chris, 2)
    tallies.refresh(project)
    said = {tally.annotator: (tally.compared, tally.with_majority) for tally in Tally.objects.all()}
    assert said[anna] == (0, 0)  # one says A, one says B: there is no majority
    assert said[ben] == (1, 0)  # both others say A
    assert said[chris] == (0, 0)
    item.refresh_from_db()
    assert item.pattern == "1,2,7"


def test_a_day_and_a_batch_have_their_own(project: Project) -> None:
    first, second = (Batch.objects.create(project=project, number=number) for number in (1, 2))
    anna = make_user()
    for batch, days_ago in ((first, 0), (first, 3), (second, 3)):
        item = make_pair(project, make_model(), make_model())
        said = make_judgement(item, anna, 2)
        said.comparison.batch = batch
        said.comparison.save()
        when = timezone.now() - timedelta(days=days_ago)
        Preference.objects.filter(pk=said.pk).update(submitted_at=when)
    tallies.recount(project)
    days = Tally.objects.order_by("batch__number", "day").values_list("batch__number", "judged")
    assert list(days) == [(1, 1), (1, 1), (2, 1)]


def test_counting_everything_anew_changes_nothing(project: Project) -> None:
    anna, ben = make_user(), make_user()
    for points in (1, 4, 6, 7):
        make_pair(project, make_model(), make_model())
        judge_next(project, anna, points)
        judge_next(project, ben, points)
    tallies.refresh(project)
    fields = [field.name for field in Tally._meta.fields if field.name not in ("id", "last_at")]
    before = list(Tally.objects.order_by("annotator", "day", "batch").values(*fields))
    tallies.recount(project)
    assert list(Tally.objects.order_by("annotator", "day", "batch").values(*fields)) == before
    assert sum(row["judged"] for row in before) == 8


def test_live_dialogues_count_their_turns() -> None:
    project = make_project()
    place = make_item(project).assignments.get()
    assert place.project == project
    tallies.touch(place)
    assert tallies.refresh(project) == 1
    assert not Tally.objects.exists()


@pytest.mark.parametrize("seconds", [1.5, 3.0, 17.0, 60.0, 599.0, 86400.0])
def test_a_bucket_is_within_five_percent_of_its_times(seconds: float) -> None:
    assert tallies.median_of({tallies.bucket_of(seconds): 3}) == pytest.approx(seconds, rel=0.05)


def test_no_time_has_no_median() -> None:
    assert tallies.median_of({}) is None
