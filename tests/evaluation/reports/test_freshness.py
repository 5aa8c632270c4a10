"""A kept report is shown again only while a new one would say the same."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from annotation import tallies
from annotation.gold import make_gold
from annotation.models import Adjudication, Assignment, Preference, Project
from annotation.reviewing import review
from evaluation.models import Campaign, KeptReport, Score
from evaluation.reports import keeping
from evaluation.reports.freshness import fingerprint
from evaluation.reports.keeping import current
from tests.evaluation.reports.judged import judge, judged_campaign, score
from tests.factories import make_model, make_pair, make_prompt, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign() -> Campaign:
    return judged_campaign()


def new_judgement(campaign: Campaign) -> None:
    item = campaign.project.items.first()
    assert item
    Assignment.objects.create(item=item)
    fingerprint(campaign)  # the place alone is not what the mark has to see
    judge(item, [make_user()], (1,))


def revision(campaign: Campaign) -> None:
    said = Preference.objects.filter(comparison__project=campaign.project).first()
    assert said and said.comparison.assignment
    Preference.objects.filter(pk=said.pk).update(current=False)
    said.pk, said.revision, said.points, said.choice = None, 2, 7, "b"
    said.submission = "5e7a7bd0-9b3c-4d55-8c34-000000000001"
    said.save(force_insert=True)
    tallies.touch(said.comparison.assignment)


def rejection(campaign: Campaign) -> None:
    place = campaign.project.assignments.filter(status="submitted").first()
    assert place
    review(place, make_user("reviewer"), "rejected", "Random clicks.")


def gold(campaign: Campaign) -> None:
    item = campaign.project.items.first()
    assert item
    make_gold(item, 1, 2)


def adjudication(campaign: Campaign) -> None:
    item = campaign.project.items.first()
    assert item
    Adjudication.objects.create(item=item, reviewer=make_user("reviewer"), points=1, scale=7)


def new_item(campaign: Campaign) -> None:
    x, y = campaign.model_versions.order_by("name")[:2]
    make_pair(campaign.project, x, y)


def label(campaign: Campaign) -> None:
    prompt = campaign.project.prompts.first()
    assert prompt
    prompt.category = "harbour"
    prompt.save()


def name_of_a_model(campaign: Campaign) -> None:
    model = campaign.model_versions.first()
    assert model
    model.name = "renamed"
    model.save()


def name_of_a_rater(campaign: Campaign) -> None:
    place = campaign.project.assignments.exclude(annotator=None).first()
    assert place and place.annotator
    place.annotator.username = "renamed"
    place.annotator.save()


def name_of_the_campaign(campaign: Campaign) -> None:
    campaign.name = "Renamed"
    campaign.save()


def scores(campaign: Campaign) -> None:
    score(campaign, make_model("judge", kind="helpfulness_reward"))


def fewer_scores(campaign: Campaign) -> None:
    score(campaign, make_model("judge", kind="helpfulness_reward"))
    fingerprint(campaign)
    Score.objects.order_by("pk").first().delete()  # type: ignore[union-attr]


CHANGES = (
    new_judgement,
    revision,
    rejection,
    gold,
    adjudication,
    new_item,
    label,
    name_of_a_model,
    name_of_a_rater,
    name_of_the_campaign,
    scores,
    fewer_scores,
)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_it_is_made_anew_after(change: Callable[[Campaign], None], campaign: Campaign) -> None:
    before = current(campaign)
    change(campaign)
    after = current(Campaign.objects.select_related("project").get(pk=campaign.pk))
    assert after.fingerprint != before.fingerprint
    assert KeptReport.objects.count() == 1


def test_it_is_shown_again_while_nothing_changes(campaign: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = current(campaign)

    def made_again(campaign: Campaign) -> None:
        raise AssertionError("the report was made again")

    monkeypatch.setattr(keeping, "report", made_again)
    assert current(campaign).html == kept.html
    client = Client()
    client.force_login(make_user("manager"))
    for name in ("campaign-report", "campaign-report-json", "campaign-report-csv"):
        assert client.get(reverse(name, args=["spring"])).status_code == 200


def test_work_on_another_campaign_changes_nothing(campaign: Campaign) -> None:
    other = judged_campaign("autumn")
    before = fingerprint(campaign)
    new_judgement(other)
    make_prompt(other.project)
    assert fingerprint(campaign) == before
    assert Project.objects.count() == 2
