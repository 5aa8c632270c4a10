"""A reward model in the raters' place: of two answers it prefers the one that it scores higher."""

import pytest

from annotation.models import Item, Response
from evaluation.campaigns import create_campaign
from evaluation.models import Campaign, Score
from evaluation.reporting import report
from modeling.registry.models import ModelVersion
from tests.factories import make_judgement, make_model, make_pair, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign() -> Campaign:
    return create_campaign("spring", "Spring", [make_model("x-model"), make_model("y-model")], raters_per_item=1)


@pytest.fixture
def judge() -> ModelVersion:
    return make_model("judge", kind=ModelVersion.Kind.HELPFULNESS_REWARD)


def unscored(campaign: Campaign) -> Item:
    first, second = campaign.model_versions.order_by("name")
    return make_pair(campaign.project, first, second)


def give(judge: ModelVersion, response: Response | None, value: float) -> None:
    assert response
    Score.objects.create(model_version=judge, response=response, value=value)


def scored(campaign: Campaign, judge: ModelVersion, x: float, y: float, human: int | None = None) -> Item:
    item = unscored(campaign)
    give(judge, item.response_1, x)
    give(judge, item.response_2, y)
    if human:
        make_judgement(item, make_user(), human)
    return item


def test_the_higher_score_wins(campaign: Campaign, judge: ModelVersion) -> None:
    for x, y in [(2.0, 1.0), (0.5, -0.5), (1.0, 1.0), (-1.0, 3.0)]:
        scored(campaign, judge, x, y)
    (judged,) = report(campaign).judges
    (pair,) = judged.pairs
    assert judged.judge == "judge"
    assert (pair.first, pair.by_item.wins, pair.by_item.ties, pair.by_item.losses) == ("x-model", 2, 1, 1)
    assert [(score.model, score.score.value) for score in judged.scores] == [("x-model", 0.625), ("y-model", 1.125)]


def test_it_is_held_against_the_raters_where_both_decide(campaign: Campaign, judge: ModelVersion) -> None:
    scored(campaign, judge, 2.0, 1.0, human=1)
    scored(campaign, judge, 2.0, 1.0, human=2)
    scored(campaign, judge, 2.0, 1.0, human=7)
    scored(campaign, judge, 2.0, 1.0, human=4)  # the rater sees no difference
    scored(campaign, judge, 1.0, 1.0, human=1)  # the judge sees none
    (judged,) = report(campaign).judges
    assert judged.compared == 3
    assert judged.with_majority.value == pytest.approx(2 / 3)
    assert judged.with_majority.interval is not None
    assert 0 <= judged.with_majority.interval[0] <= judged.with_majority.interval[1] <= 1


def test_unscored_items_are_counted_and_not_guessed(campaign: Campaign, judge: ModelVersion) -> None:
    scored(campaign, judge, 2.0, 1.0)
    give(judge, unscored(campaign).response_1, 9.0)
    (judged,) = report(campaign).judges
    assert (judged.items, judged.unscored) == (1, 1)
    assert judged.pairs[0].by_item.observations == 1


def test_a_response_in_several_items_has_one_score(campaign: Campaign, judge: ModelVersion) -> None:
    item = scored(campaign, judge, 4.0, 0.0)
    again = Item.objects.create(
        project=campaign.project, prompt=item.prompt, response_1=item.response_1, response_2=item.response_2
    )
    assert again.pk != item.pk
    scored(campaign, judge, 1.0, 0.0)
    (judged,) = report(campaign).judges
    assert (judged.scores[0].responses, judged.scores[0].score.value) == (2, 2.5)


def test_each_reward_model_that_scored_something_has_its_part(campaign: Campaign, judge: ModelVersion) -> None:
    scored(campaign, judge, 2.0, 1.0)
    make_model("silent", kind=ModelVersion.Kind.SAFETY_REWARD)
    assert [judged.judge for judged in report(campaign).judges] == ["judge"]
