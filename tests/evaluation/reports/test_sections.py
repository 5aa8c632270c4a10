"""Every section of a report keeps to what the package asks of it."""

import json
from typing import Any

import pytest

from evaluation.campaigns import create_campaign
from evaluation.models import Campaign
from evaluation.reporting import report
from evaluation.reports.page import context_of
from evaluation.reports.report import Report
from evaluation.reports.section import Section
from evaluation.reports.sections import SECTIONS
from tests.factories import make_judgement, make_model, make_pair, make_user

pytestmark = pytest.mark.django_db
EVERY_SECTION = pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.key)


@pytest.fixture
def campaign() -> Campaign:
    models = [make_model(name) for name in ("x-model", "y-model", "z-model")]
    campaign = create_campaign("spring", "Spring", models, raters_per_item=3)
    raters = [make_user() for _ in range(3)]
    for first, second in ((0, 1), (1, 2), (0, 2)):
        for points in ((1, 2, 3), (6, 4, 7), (4, 4, 1)):
            item = make_pair(campaign.project, models[first], models[second])
            for rater, given in zip(raters, points, strict=True):
                make_judgement(item, rater, given)
    return campaign


def test_no_two_sections_share_a_key_and_none_takes_a_fact_of_the_campaigns() -> None:
    keys = [section.key for section in SECTIONS]
    assert len(set(keys)) == len(keys)
    assert not set(keys) & (set(Report.__dataclass_fields__) - {"figures"})


@EVERY_SECTION
def test_its_figures_are_json_without_nan(section: Section[Any], campaign: Campaign) -> None:
    found = report(campaign)
    if section.key in found.figures:
        json.dumps(found.as_json()[section.key], allow_nan=False)


@EVERY_SECTION
def test_it_is_read_in_whole_sentences_and_names_no_undefined_figure(section: Section[Any], campaign: Campaign) -> None:
    parts = {part.key: part for part in context_of(report(campaign))["parts"]}
    if section.key in parts:
        part = parts[section.key]
        for said in filter(None, (part.reading.says, part.reading.caveat, part.method)):
            assert said.rstrip().endswith((".", "!", "?"))
            assert "nan" not in said.lower().split() and "None" not in said
        assert part.table


@EVERY_SECTION
def test_an_empty_campaign_breaks_nothing(section: Section[Any]) -> None:
    empty = create_campaign("empty", "Empty", [make_model(), make_model()])
    found = report(empty)
    if section.key in found.figures:
        list(section.lines(found.figures[section.key], found))
        section.in_page(found.figures[section.key], found)
