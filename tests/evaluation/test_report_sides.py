"""Which side an answer stood on, and how an item stores its two answers, never changes what the report says."""

import pytest

from evaluation.campaigns import create_campaign
from evaluation.models import Campaign
from evaluation.reporting import Report, report
from tests.factories import make_judgement, make_model, make_pair, make_user

pytestmark = pytest.mark.django_db

VOTES_FOR_X = [(3, 2, 1), (1, 1, -1), (0, 0, 2), (-2, -3, -1)]


def reported(slug: str, *, stored_backwards: bool, shown_flipped: bool) -> Report:
    x, y = make_model(f"{slug}-x"), make_model(f"{slug}-y")
    campaign: Campaign = create_campaign(slug, slug, [x, y], raters_per_item=3)
    raters = [make_user() for _ in range(3)]
    for votes in VOTES_FOR_X:
        item = make_pair(campaign.project, *((y, x) if stored_backwards else (x, y)))
        for rater, vote in zip(raters, votes, strict=True):
            x_is_left = stored_backwards == shown_flipped
            make_judgement(item, rater, 4 - vote if x_is_left else 4 + vote, flipped=shown_flipped)
    return report(campaign)


@pytest.mark.parametrize("stored_backwards", [False, True])
@pytest.mark.parametrize("shown_flipped", [False, True])
def test_sides_and_storage_do_not_matter(stored_backwards: bool, shown_flipped: bool) -> None:
    plain = reported("plain", stored_backwards=False, shown_flipped=False)
    turned = reported("turned", stored_backwards=stored_backwards, shown_flipped=shown_flipped)
    assert turned.pairs[0].by_item == plain.pairs[0].by_item
    assert turned.reliability == plain.reliability
    assert turned.histogram == plain.histogram
    assert turned.pairs[0].first == "turned-x"


def test_the_share_of_the_left_answer_shows_a_side_bias() -> None:
    # Of 10 votes that prefer an answer, 6 are for x, which stands on the left, or else on the right.
    on_left = reported("left", stored_backwards=False, shown_flipped=False)
    on_right = reported("right", stored_backwards=False, shown_flipped=True)
    assert on_left.left_share.value == pytest.approx(6 / 10)
    assert on_right.left_share.value == pytest.approx(4 / 10)
    assert on_left.left_share.interval is not None
