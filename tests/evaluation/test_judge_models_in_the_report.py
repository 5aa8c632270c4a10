"""Judge models in a campaign's report: audited beside the raters, and combined with their votes."""

from typing import Any

import pytest

from annotation.models import Item
from evaluation.campaigns import create_campaign
from evaluation.models import Campaign, Judgement
from evaluation.reporting import report
from modeling.registry.models import ModelVersion
from tests.factories import make_judgement, make_model, make_pair, make_user, make_verdict

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign() -> Campaign:
    return create_campaign("spring", "Spring", [make_model("x-model"), make_model("y-model")], raters_per_item=1)


@pytest.fixture
def judge() -> ModelVersion:
    return make_model("judge")


def pair(campaign: Campaign, points: int | None = None, swapped: bool = False) -> Item:
    """An item, with a human's vote where one is given; points are about x-model as A."""
    first, second = campaign.model_versions.order_by("-name" if swapped else "name")
    item = make_pair(campaign.project, first, second)
    if points is not None:
        make_judgement(item, make_user(), 8 - points if swapped else points)
    return item


def audit_of(campaign: Campaign) -> Any:
    (audit,) = report(campaign).figures["judge_models"]
    return audit


def test_both_orders_make_one_verdict(campaign: Campaign, judge: ModelVersion) -> None:
    """x wins both ways; x wins once and loses once, which is a tie; y wins on an item that stores it first."""
    steady, torn, other = pair(campaign), pair(campaign), pair(campaign, swapped=True)
    for item, preferences in ((steady, (1.0, 1.0)), (torn, (1.0, 0.0)), (other, (1.0, 1.0))):
        make_verdict(judge, item, preferences[0])
        make_verdict(judge, item, preferences[1], flipped=True)
    audit = audit_of(campaign)
    (rates,) = audit.pairs
    assert (rates.first, rates.by_item.wins, rates.by_item.ties, rates.by_item.losses) in {
        ("x-model", 1, 1, 1),
        ("y-model", 1, 1, 1),
    }
    assert (audit.sides.pairs, audit.sides.reversed.value) == (3, pytest.approx(1 / 3))
    assert (audit.sides.always_first, audit.sides.always_second) == (1, 0)


def test_it_is_held_against_the_raters(campaign: Campaign, judge: ModelVersion) -> None:
    for points, preference in ((1, 1.0), (2, 1.0), (7, 1.0), (4, 0.0), (6, 0.5)):
        make_verdict(judge, pair(campaign, points), preference)
    audit = audit_of(campaign)
    assert (audit.humans.items, audit.humans.decided) == (5, 3)
    assert audit.humans.accuracy.value == pytest.approx(2 / 3)
    assert audit.humans.confusion == ((2, 0, 0), (0, 0, 1), (1, 1, 0))


def test_replies_that_could_not_be_read_are_counted_in_every_attempt(campaign: Campaign, judge: ModelVersion) -> None:
    item, silent = pair(campaign, 1), pair(campaign, 1)
    make_verdict(judge, item, None)
    make_verdict(judge, item, 1.0, attempt=2)
    make_verdict(judge, silent, None)
    audit = audit_of(campaign)
    assert (audit.items, audit.without_verdict) == (1, 1)
    assert audit.unreadable.value == pytest.approx(2 / 3)
    assert "2 of 3 replies could not be read" in " ".join(text for text in _read(campaign))


def _read(campaign: Campaign) -> list[str]:
    from evaluation.reports.page import context_of

    return [part.reading.says for part in context_of(report(campaign))["parts"] if part.key == "judge_models"]


def test_samples_of_one_question_are_averaged_and_compared(campaign: Campaign, judge: ModelVersion) -> None:
    item = pair(campaign)
    for sample, preference in enumerate((1.0, 1.0, 0.0)):
        make_verdict(judge, item, preference, sample=sample)
    audit = audit_of(campaign)
    assert audit.pairs[0].by_item.wins + audit.pairs[0].by_item.losses == 1
    assert audit.consistency.same.value == pytest.approx(1 / 3)


def test_a_judge_of_its_own_answers_is_named(campaign: Campaign) -> None:
    """x-model judges itself: it takes its own answer each time where the rater says the same, then the other."""
    judge = ModelVersion.objects.get(name="x-model")
    for points in (4, 7, 7):
        make_verdict(judge, pair(campaign, points), 1.0)
    audit = audit_of(campaign)
    assert audit.asked.competitors == ("x-model",)
    assert audit.self_preference.value == pytest.approx((0.5 + 1 + 1) / 3)
    assert "its own (x-model)" in _read(campaign)[0]


def test_humans_on_a_part_and_the_judge_on_all_are_combined(campaign: Campaign, judge: ModelVersion) -> None:
    """24 prompts with a vote, where the judge is right on 20, and 24 without one."""
    for number in range(48):
        wins = number % 3 == 0
        item = pair(campaign, (1 if wins else 7) if number < 24 else None)
        right = number % 6 != 5
        make_verdict(judge, item, 1.0 if wins == right else 0.0)
    (combined,) = report(campaign).figures["combined"]
    (best,) = combined.pairs
    powered = best.powered
    assert (powered.labelled, powered.unlabelled, powered.left_out) == (24, 24, 0)
    assert powered.humans.value in (pytest.approx(8 / 24), pytest.approx(16 / 24))
    assert powered.gain is not None and powered.gain > 1.1
    assert powered.combined.standard_error < powered.humans.standard_error


def test_too_few_votes_stand_alone_and_say_why(campaign: Campaign, judge: ModelVersion) -> None:
    for number in range(6):
        make_verdict(judge, pair(campaign, 1 + 6 * (number % 2) if number < 4 else None), 1.0)
    (combined,) = report(campaign).figures["combined"]
    powered = combined.pairs[0].powered
    assert powered.combined == powered.humans and "Only 4 prompts have human labels" in powered.note


def test_a_judgement_is_never_changed(campaign: Campaign, judge: ModelVersion) -> None:
    row = make_verdict(judge, pair(campaign), 1.0)
    row.preference = 0.0
    with pytest.raises(TypeError, match="never changed"):
        row.save()
    assert Judgement.objects.get().preference == 1.0
