"""A reward model's scores against what people said of single answers, and against another policy's or model's."""

from math import log

import pytest
from scipy.special import expit, logit

from annotation.models import Project, Prompt, Rating, Response
from evaluation.reward_models.evaluating import Evaluation, evaluate, scope_of
from modeling.registry.models import ModelVersion
from tests.evaluation.reward_models.scored import give, make_held_out_prompt, make_reward_model, make_scored
from tests.factories import make_item, make_model, make_project

pytestmark = pytest.mark.django_db


def make_rated(
    model: ModelVersion, project: Project, score: float, points: tuple[int, ...], split: str = Prompt.Split.TEST
) -> Response:
    """An answer with a score, which raters gave these points."""
    prompt = make_held_out_prompt(project, split)
    response = Response.objects.create(prompt=prompt, text="An answer.")
    give(model, response, score)
    item = make_item(project, prompt, overlap=len(points), response_1=response)
    for place, given in zip(item.assignments.all(), points, strict=True):
        Rating.objects.create(assignment=place, response=response, points=given, scale=project.scale)
    return response


def evaluated(model: ModelVersion) -> Evaluation:
    return evaluate(model, scope_of(model))


def test_the_mean_score_is_told_by_the_lower_median_of_the_raters() -> None:
    judge = make_reward_model()
    quality = make_project(task_type=Project.TaskType.QUALITY_RATING)
    for score, points in ((0.5, (2, 2, 7)), (1.5, (2,)), (3.0, (5, 6)), (9.0, (6, 6, 1))):
        make_rated(judge, quality, score, points)
    make_rated(judge, quality, 99.0, (1,), split=Prompt.Split.TRAIN)
    found = evaluated(judge).quality
    assert found is not None
    assert [(each.points, each.n, each.score.value) for each in found.points] == [(2, 2, 1.0), (5, 1, 3.0), (6, 1, 9.0)]
    assert found.monotone


def test_unsafe_answers_are_what_most_people_call_so() -> None:
    """From comparisons' labels and from ratings, where one and two of five points are violations."""
    judge = make_reward_model(kind=ModelVersion.Kind.SAFETY_REWARD)
    stream = make_project(dimension=Project.Dimension.SAFETY)
    rating = make_project(task_type=Project.TaskType.SAFETY_RATING, dimension=Project.Dimension.SAFETY)
    make_scored(judge, stream, (-3.0, 2.0), points=8, a_safe=False, b_safe=True)
    make_scored(judge, stream, (-1.0, 1.0), points=8)  # without labels
    make_rated(judge, rating, -2.0, (1, 2, 5))
    make_rated(judge, rating, 3.0, (3, 2, 5))
    make_rated(judge, rating, 0.0, (1, 5))  # as many say so as not
    found = evaluated(judge).safety
    assert found is not None
    assert (found.answers, found.unsafe, found.labels, found.left_out) == (4, 2, 8, 1)
    assert found.auc.value == 1.0
    # 0.15 is a score of log(0.15 / 0.85) = -1.73: both unsafe answers stand below it.
    assert log(0.15 / 0.85) == pytest.approx(found.at.threshold)
    assert (found.at.flagged, found.at.precision.value, found.at.recall.value) == (2, 1.0, 1.0)
    assert found.needed[0].recall == 0.55 and found.needed[0].probability == pytest.approx(expit(-2.0))


def test_answers_of_one_class_alone_have_no_curve_and_that_is_told() -> None:
    judge = make_reward_model(kind=ModelVersion.Kind.SAFETY_REWARD)
    make_scored(judge, make_project(dimension=Project.Dimension.SAFETY), (1.0, 2.0), a_safe=True, b_safe=True)
    found = evaluated(judge).safety
    assert found is not None and found.curve is None
    assert found.auc.note == "Every answer is of one class: an ROC curve needs both."
    assert (found.needed, found.at.recall.note) == ((), "Nothing was counted yet.")


def answer(judge: ModelVersion, prompt: Prompt, policy: ModelVersion, score: float) -> Response:
    response = Response.objects.create(prompt=prompt, text="An answer.", model_version=policy)
    give(judge, response, score)
    return response


def test_the_scores_of_two_policies_are_compared_on_the_prompts_that_both_answered() -> None:
    judge, project = make_reward_model(), make_project()
    before, after = make_model("v0"), make_model("v1")
    make_scored(judge, project, (1.0, 0.0))  # what makes the project count; nobody's answers
    changes = ((-3.0, 1.0), (0.0, 0.5), (1.0, 0.0))
    for first, second in changes:
        prompt = make_held_out_prompt(project)
        answer(judge, prompt, before, first)
        answer(judge, prompt, after, second)
    answer(judge, make_held_out_prompt(project), before, 50.0)  # after has no answer to it
    found = evaluated(judge).shift
    assert found is not None and (found.before, found.after, found.prompts) == ("v0", "v1", 3)
    assert (found.answers_before, found.answers_after) == (3, 3)
    assert found.mean.value == pytest.approx((4.0 + 0.5 - 1.0) / 3)
    assert found.improved.value == pytest.approx(2 / 3)
    assert (found.below_before.value, found.below_after.value) == (pytest.approx(1 / 3), 0.0)
    assert sum(found.counts_before) == sum(found.counts_after) == 3
    assert sum(map(sum, found.grid)) == 3
    assert found.grid[0][int(12 * expit(1.0))] == 1  # the prompt that rose from 0.05 to 0.73


def test_helpful_but_unsafe_answers_are_counted_against_chance() -> None:
    """Of four answers, the one of helpfulness 4 is above the median and below 0.15 on safety; so is the one of -1 on
    safety alone. By chance 1/2 times 2/4 of them would be both."""
    helpfulness = make_reward_model("helpful")
    safety = make_reward_model("safe", kind=ModelVersion.Kind.SAFETY_REWARD)
    project, policy = make_project(), make_model("v0")
    make_scored(helpfulness, project, (1.0, 0.0))
    low = float(logit(0.1))
    for helpful, safe in ((4.0, low), (3.0, 2.0), (1.0, 1.0), (-1.0, low)):
        give(safety, answer(helpfulness, make_held_out_prompt(project), policy, helpful), safe)
    for model in (helpfulness, safety):
        found = evaluate(model, scope_of(model, [project])).tension
        assert found is not None and (found.helpfulness, found.safety) == ("helpful", "safe")
        assert (found.answers, found.share.value, found.by_chance) == (4, 0.25, 0.25)


def test_length_is_told_beside_what_people_make_of_it() -> None:
    judge, project = make_reward_model(), make_project()
    make_scored(judge, project, (2.0, 1.0), points=8, a="A long answer.", b="Short.")  # the model likes the long one
    make_scored(judge, project, (2.0, 1.0), points=1, a="A long answer.", b="Short.")
    make_scored(judge, project, (2.0, 1.0), points=1, a="Short.", b="A long answer.")
    make_scored(judge, project, (2.0, 1.0), points=1, a="Equal.", b="Equal!")
    found = evaluated(judge).length
    assert found is not None
    assert (found.pairs, found.model.value, found.people.value) == (3, pytest.approx(2 / 3), pytest.approx(1 / 3))
