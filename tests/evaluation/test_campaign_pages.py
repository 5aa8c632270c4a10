"""The campaigns' pages: who may see them, what they say before, during and after the judging."""

import pytest
from django.test import Client
from django.urls import reverse

from annotation.models import Project, Skip
from evaluation.campaigns import create_campaign
from evaluation.models import Campaign
from modeling.registry.models import Job, ModelVersion, Run
from tests.factories import make_judgement, make_model, make_pair, make_project, make_user

pytestmark = pytest.mark.django_db

READ = ["campaign", "campaign-progress", "campaign-report", "campaign-report-json", "campaign-report-csv"]


@pytest.fixture
def campaign() -> Campaign:
    return create_campaign("spring", "Spring", [make_model("x-model"), make_model("y-model")], raters_per_item=3)


def client_of(role: str) -> Client:
    client = Client()
    client.force_login(make_user(role))
    return client


def judged(campaign: Campaign, *items: tuple[int, ...]) -> None:
    raters = [make_user() for _ in range(3)]
    x, y = campaign.model_versions.order_by("name")
    for points in items:
        item = make_pair(campaign.project, x, y)
        for rater, given in zip(raters, points, strict=False):
            make_judgement(item, rater, given)


def page(name: str, slug: str = "spring", role: str = "manager") -> str:
    response = client_of(role).get(reverse(name, args=[slug]))
    assert response.status_code == 200
    return response.content.decode()


@pytest.mark.parametrize("role", ["owner", "manager"])
def test_those_who_lead_may_read(campaign: Campaign, role: str) -> None:
    judged(campaign, (1, 1, 1))
    client = client_of(role)
    assert client.get(reverse("campaigns")).status_code == 200
    assert {client.get(reverse(name, args=["spring"])).status_code for name in READ} == {200}


@pytest.mark.parametrize("role", ["reviewer", "annotator"])
def test_who_judges_or_reviews_never_learns_which_models_are_compared(campaign: Campaign, role: str) -> None:
    judged(campaign, (1, 1, 1))
    client = client_of(role)
    addresses = [reverse("campaigns"), reverse("campaign-create"), *(reverse(name, args=["spring"]) for name in READ)]
    answers = [client.get(address) for address in addresses]
    assert {answer.status_code for answer in answers} == {403}
    assert not any("x-model" in answer.content.decode() for answer in answers)


@pytest.mark.parametrize("role", ["reviewer", "annotator"])
def test_only_managers_start_anything(campaign: Campaign, role: str) -> None:
    client = client_of(role)
    assert client.get(reverse("campaign-create")).status_code == 403
    assert client.post(reverse("campaign-judge", args=["spring"])).status_code == 403
    assert client.post(reverse("campaign-sample", args=["spring"])).status_code == 403
    assert client.post(reverse("campaign-publish", args=["spring"])).status_code == 403
    assert not Run.objects.exists()


def test_an_unknown_campaign_is_not_found() -> None:
    client = client_of("manager")
    assert {client.get(reverse(name, args=["nowhere"])).status_code for name in READ} == {404}


def test_the_list_shows_imported_projects_too(campaign: Campaign) -> None:
    make_project(slug="outside", name="From outside", task_type=Project.TaskType.PAIRWISE_EVALUATION)
    make_project(slug="other", name="Preferences")
    listed = client_of("manager").get(reverse("campaigns")).content.decode()
    assert "Spring" in listed and "From outside" in listed
    assert "Preferences" not in listed


def test_progress_is_told_by_rater_and_by_item(campaign: Campaign) -> None:
    judged(campaign, (1, 1, 1), (4,))
    shown = " ".join(page("campaign").split())
    assert "of 6 judgements" in shown
    assert "3 judgements" in shown and "1 judgement<" in shown
    one_and_none_open = '<td class="number" data-label="judged">1</td><td class="number" data-label="open now">0</td>'
    assert shown.count(one_and_none_open) == 2  # two raters judged one item each


def test_a_run_at_work_is_followed_and_a_missing_worker_is_said(campaign: Campaign) -> None:
    run = Run.objects.create(kind=Run.Kind.CAMPAIGN_SAMPLING, name="spring", config={"campaign": "spring"})
    assert "hx-get" in page("campaign")
    assert "No worker is running" in page("campaign-progress")
    run.status = Job.Status.DONE
    run.save()
    assert "hx-get" not in page("campaign")
    assert "No worker is running" not in page("campaign")


def test_a_failed_run_shows_its_error_and_can_be_started_again(campaign: Campaign) -> None:
    Run.objects.create(
        kind=Run.Kind.CAMPAIGN_SAMPLING,
        name="spring",
        config={"campaign": "spring"},
        status=Job.Status.FAILED,
        error="no such checkpoint",
    )
    shown = page("campaign")
    assert "no such checkpoint" in shown and "Start again" in shown
    client_of("manager").post(reverse("campaign-sample", args=["spring"]))
    assert Run.objects.filter(status=Job.Status.QUEUED).count() == 1


def test_a_reward_model_is_asked_from_the_page(campaign: Campaign) -> None:
    judged(campaign, (1, 1, 1))
    kind, backend = ModelVersion.Kind.SAFETY_REWARD, ModelVersion.Backend.LOCAL
    make_model("safety-judge", kind=kind, backend=backend, path="checkpoints/safety")
    assert "safety-judge" in page("campaign")
    client = client_of("manager")
    address = reverse("campaign-judge", args=["spring"])
    assert client.post(address, {"reward_model": "x-model"}).status_code == 302
    assert not Run.objects.exists()
    client.post(address, {"reward_model": "safety-judge"})
    assert Run.objects.get().config == {"campaign": "spring", "reward_model": "safety-judge"}


def test_an_empty_report_says_what_is_missing(campaign: Campaign) -> None:
    assert "There are no pairs of answers to judge yet." in page("campaign-report")
    x, y = campaign.model_versions.order_by("name")
    make_pair(campaign.project, x, y)
    assert "Nobody has judged a pair yet." in page("campaign-report")


def test_one_rater_alone_has_no_agreement_and_the_page_says_so(campaign: Campaign) -> None:
    judged(campaign, (1,), (2,), (7,))
    shown = page("campaign-report")
    assert "no item was rated by two raters" in shown
    assert "Not finished: 0 of 3 items have all their judgements" in shown
    assert "nan" not in shown.lower().replace("nano", "")


def test_a_full_report_has_its_headline_figures_and_no_inline_style(campaign: Campaign) -> None:
    judged(campaign, *[(1, 2, 1)] * 24, *[(6, 7, 7)] * 6)
    shown = page("campaign-report")
    assert "x-model beats y-model in 80 % of items" in shown
    assert "All 30 items on 30 prompts are fully judged." in shown
    assert "Gwet" in shown and "<svg" in shown
    assert " style=" not in shown and "<style" not in shown


def test_a_handful_of_prompts_decides_nothing(campaign: Campaign) -> None:
    judged(campaign, *[(1, 2, 1)] * 6, (7, 7, 7))
    shown = page("campaign-report")
    assert "t be told apart yet" in shown
    assert "Only 7 prompts" in shown


def test_names_from_outside_are_escaped(campaign: Campaign) -> None:
    x, y = campaign.model_versions.order_by("name")
    item = make_pair(campaign.project, x, y)
    item.prompt.category = "<script>alert(1)</script>"
    item.prompt.save()
    make_judgement(item, make_user(), 1)
    shown = page("campaign-report")
    assert "<script>alert" not in shown and "&lt;script&gt;alert" in shown


def test_a_judgement_that_no_rater_can_give_is_said(campaign: Campaign) -> None:
    raters = [make_user() for _ in range(3)]
    campaign.project.annotators.set(raters)
    x, y = campaign.model_versions.order_by("name")
    item = make_pair(campaign.project, x, y)
    for rater in raters[:2]:
        make_judgement(item, rater, 1)
    assert "none of these raters can give" not in page("campaign")
    Skip.objects.create(item=item, annotator=raters[2])
    assert "1 judgement is open that none of these raters can give" in page("campaign")
    campaign.project.annotators.add(make_user())
    assert "none of these raters can give" not in page("campaign")


def test_raters_are_told_what_the_campaign_is_about() -> None:
    models = [make_model("x-model"), make_model("y-model")]
    campaign = create_campaign("careful", "Careful", models, dimension=Project.Dimension.SAFETY)
    guideline = campaign.project.guideline
    assert guideline is not None and "safer" in guideline.text
