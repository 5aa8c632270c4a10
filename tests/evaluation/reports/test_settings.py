"""How a campaign was run is said in the report's method."""

import pytest

from annotation.models import GuidelineVersion, Preference
from evaluation.reporting import report
from evaluation.reports.rendering import render
from evaluation.reports.settings import said_of
from tests.evaluation.reports.judged import judged_campaign


@pytest.mark.django_db
def test_the_method_says_scale_guideline_and_sampling() -> None:
    campaign = judged_campaign()
    guideline = GuidelineVersion.objects.create(project=campaign.project, number=3, text="Be fair.")
    Preference.objects.update(guideline=guideline)
    method = render(report(campaign), live=False).html.partition('id="method"')[2]
    assert "Their scale had 7 points." in method
    assert "Raters worked under version 3 of the guideline." in method
    assert "sampled" in method


def test_several_scales_versions_and_samplings_are_all_told() -> None:
    row = {"top_p": 0.9, "max_new_tokens": None}
    sampling = [row | {"temperature": None, "answers": 2}, row | {"temperature": 0.5, "answers": 1200}]
    assert said_of({"scales": [4, 7], "guidelines": [1, 2], "sampling": sampling}) == (
        "Their scales had 4 and 7 points.",
        "Raters worked under versions 1, 2 of the guideline.",
        "Answers were sampled at temperature 0.5, top-p 0.9 (1,200 answers).",
    )
    assert said_of({}) == ()
