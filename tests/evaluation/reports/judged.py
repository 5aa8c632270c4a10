"""A judged campaign for the tests of its report."""

from annotation.models import Item
from evaluation.campaigns import create_campaign
from evaluation.models import Campaign
from modeling.registry.models import ModelVersion
from tests.factories import make_judgement, make_model, make_pair, make_prompt, make_user
from webapp.accounts.models import User

VOTES = ((1, 2, 3), (6, 4, 7), (4, 4, 1), (2, 2, 1))


def judged_campaign(slug: str = "spring") -> Campaign:
    """Three models, three raters, four prompts in two categories; each pair is judged on each prompt."""
    models = [make_model(f"{slug}-{name}") for name in ("x", "y", "z")]
    campaign = create_campaign(slug, slug.title(), models, raters_per_item=3)
    raters = [make_user() for _ in range(3)]
    for number, votes in enumerate(VOTES):
        prompt = make_prompt(campaign.project, category=("sea", "tōwn")[number % 2])
        for first, second in ((0, 1), (1, 2), (0, 2)):
            judge(make_pair(campaign.project, models[first], models[second], prompt), raters, votes)
    return campaign


def judge(item: Item, raters: list[User], votes: tuple[int, ...]) -> None:
    for rater, points in zip(raters, votes, strict=False):
        make_judgement(item, rater, points, seconds=float(10 * points))


def score(campaign: Campaign, judge: ModelVersion) -> None:
    """A score for each answer, by its length and its key."""
    from evaluation.campaigns import responses_of
    from evaluation.models import Score

    Score.objects.bulk_create(
        Score(model_version=judge, response=response, value=(response.pk % 7) / 3)
        for response in responses_of(campaign.project)
    )
