"""How often a reward model prefers what people prefer, by hand."""

from datetime import timedelta

import pytest
from django.utils import timezone

from annotation.models import Batch, Project, Prompt
from evaluation.reward_models.accuracy import Accuracy
from evaluation.reward_models.evaluating import Evaluation, evaluate, scope_of
from evaluation.statistics.proportions import wilson
from modeling.registry.models import Job, ModelVersion, Run
from tests.evaluation.reward_models.scored import give, make_held_out_prompt, make_reward_model, make_scored
from tests.factories import make_comparison, make_preference, make_project

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return make_project(slug="stream", name="Stream")


@pytest.fixture
def judge() -> ModelVersion:
    return make_reward_model()


def evaluated(judge: ModelVersion) -> Evaluation:
    return evaluate(judge, scope_of(judge))


def told(row: Accuracy) -> tuple[str, int, int, float | None]:
    return row.label, row.n, row.ties, row.share.value


def test_it_agrees_where_the_preferred_answer_scores_higher_and_equal_scores_count_half(
    judge: ModelVersion, project: Project
) -> None:
    make_scored(judge, project, (2.0, 1.0), points=1)  # people and model prefer A
    make_scored(judge, project, (2.0, 1.0), points=8)  # people prefer B
    make_scored(judge, project, (-1.0, 0.5), points=8)
    make_scored(judge, project, (0.5, 0.5), points=3)
    assert told(evaluated(judge).accuracy.overall) == ("all", 4, 1, 2.5 / 4)


def test_it_is_told_by_how_sure_people_are_beside_the_papers_figures(judge: ModelVersion, project: Project) -> None:
    for points, scores in ((1, (1, 0)), (8, (1, 0)), (2, (1, 0)), (6, (0, 1)), (5, (1, 0)), (4, (1, 0)), (4, (0, 1))):
        make_scored(judge, project, scores, points=points)
    make_scored(judge, project, (1, 0), points=None, choice="a")
    rows = evaluated(judge).accuracy.by_rating
    assert [told(row) for row in rows] == [
        ("significantly", 2, 0, 0.5),
        ("better", 1, 0, 1.0),
        ("slightly", 1, 0, 1.0),
        ("negligibly", 3, 0, 1 / 3),
        ("unrated", 1, 0, 1.0),
    ]
    assert [row.paper for row in rows] == [0.807, 0.675, 0.609, 0.547, None]


def test_prompts_that_train_stay_out_and_are_told_apart(judge: ModelVersion, project: Project) -> None:
    make_scored(judge, project, (1, 0), points=8)
    for _ in range(3):
        make_scored(judge, project, (1, 0), points=1, split=Prompt.Split.TRAIN)
    make_scored(judge, project, (0, 0), points=1, split=Prompt.Split.TRAIN)
    found = evaluated(judge)
    assert told(found.accuracy.overall) == ("all", 1, 0, 0.0)
    assert (found.accuracy.trained.n, found.accuracy.trained.share) == (4, wilson(3.5, 4))


def test_ties_unusable_pairs_and_what_lacks_a_score_count_nowhere(judge: ModelVersion, project: Project) -> None:
    make_scored(judge, project, (1, 0), points=1)
    make_scored(judge, project, (1, 0), points=None, choice="neither")
    make_preference(make_comparison(project, make_held_out_prompt(project)), 1)
    other = make_reward_model("other")
    make_scored(other, project, (0, 1), points=1)
    revised = make_scored(judge, project, (0, 1), points=1)
    type(revised).objects.filter(pk=revised.pk).update(current=False)
    found = evaluated(judge)
    assert (found.pairs, found.held_out) == (1, 3)


def test_it_is_told_by_batch_and_by_project(judge: ModelVersion, project: Project) -> None:
    first, second = (Batch.objects.create(project=project, number=number) for number in (1, 2))
    elsewhere = make_project(slug="second", name="A second stream")
    make_scored(judge, project, (1, 0), batch=first)
    make_scored(judge, project, (0, 1), batch=second)
    make_scored(judge, elsewhere, (1, 0))
    found = evaluated(judge).accuracy
    assert [told(row) for row in found.by_batch] == [
        ("Stream, batch 1", 1, 0, 1.0),
        ("Stream, batch 2", 1, 0, 0.0),
        ("outside of batches", 1, 0, 1.0),
    ]
    assert [told(row) for row in found.by_project] == [("Stream", 2, 0, 0.5), ("A second stream", 1, 0, 1.0)]


def test_a_projects_other_dimension_counts_only_where_it_is_asked_for(judge: ModelVersion, project: Project) -> None:
    safety = make_project(slug="safety", dimension=Project.Dimension.SAFETY)
    make_scored(judge, project, (1, 0))
    make_scored(judge, safety, (0, 1))
    assert evaluated(judge).accuracy.overall.n == 1
    asked = evaluate(judge, scope_of(judge, [safety]))
    assert told(asked.accuracy.overall) == ("all", 1, 0, 0.0)


def test_turns_of_a_dialogue_are_one_cluster(judge: ModelVersion, project: Project) -> None:
    """Four judgements, all alike by dialogue: one cluster per dialogue leaves two, far too few to be sure of."""
    from tests.factories import make_item

    for scores in ((1, 0), (0, 1)):
        place = make_item(project, make_held_out_prompt(project), overlap=1).assignments.get()
        for turn in (1, 2):
            make_scored(judge, project, scores, assignment=place, turn=turn)
    share = evaluated(judge).accuracy.overall.share
    assert share.value == 0.5 and "Only 2 clusters" in share.note


def test_versions_stand_against_batches_and_the_fall_has_its_test(judge: ModelVersion, project: Project) -> None:
    """The judge was trained between two batches. On the first it is right on 30 of 40, on the second on 20 of 40."""
    older, newer = (Batch.objects.create(project=project, number=number) for number in (1, 2))
    Batch.objects.filter(pk=newer.pk).update(opened_at=timezone.now() + timedelta(days=7))
    run = Run.objects.create(kind=Run.Kind.REWARD_MODEL, name="judge", status=Job.Status.DONE, output=judge)
    Run.objects.filter(pk=run.pk).update(started_at=timezone.now() + timedelta(days=1))
    other = make_reward_model("other")
    for batch, right in ((older, 30), (newer, 20)):
        for place in range(40):
            pair = make_scored(judge, project, (1, 0) if place < right else (0, 1), batch=batch).comparison
            if place < 4:  # the other version is right on one of four
                give(other, pair.response_a, 1.0 if place == 0 else -1.0)
                give(other, pair.response_b, 0.0)
    found = evaluated(judge).drift
    assert found is not None and found.batches == ("batch 1", "batch 2")
    assert [(name, [(cell.n, cell.share, cell.seen) for cell in cells]) for name, cells in found.versions] == [
        ("judge", [(40, 0.75, True), (40, 0.5, False)]),
        ("other", [(4, 0.25, False), (4, 0.25, False)]),
    ]
    assert found.fall and found.fall.value == pytest.approx(-0.25)
    # Independent groups: sqrt(80/79 (0.75 * 0.25 + 0.5 * 0.5) / 40).
    assert found.fall.standard_error == pytest.approx((80 / 79 * (0.1875 + 0.25) / 40) ** 0.5)
    assert found.p_value is not None and 0.01 < found.p_value < 0.05
    assert found.later == 40


def test_an_empty_database_makes_an_evaluation_that_says_so(judge: ModelVersion) -> None:
    found = evaluated(judge)
    assert found.accuracy.overall.share.note == "Nothing was counted yet."
    assert (found.quality, found.safety, found.shift, found.tension, found.drift, found.length) == (None,) * 6
