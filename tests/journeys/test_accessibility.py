"""Every page as axe and a narrow phone see it: no serious finding, light and dark, wide and narrow."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from annotation.models import Batch, Comparison, DatasetSnapshot, Project
from evaluation.campaigns import create_campaign
from evaluation.models import Iteration, Stage
from modeling.registry.models import Job, ModelVersion, Run, RunMetric, Worker
from tests.annotation.answering import answer
from tests.annotation.test_assigning import make_live_project
from tests.annotation.test_assigning_races import make_stored_item
from tests.factories import (
    make_comparison,
    make_item,
    make_judgement,
    make_model,
    make_pair,
    make_preference,
    make_project,
    make_user,
)
from tests.journeys.accessibility import enter_as, expect_usable_by_all

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
MARKDOWN = "# Salt\n\nIt comes with **the rivers**:\n\n```\nsea = river + sun\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |"


@pytest.fixture(autouse=True)
def pollers_stop_before_the_database_goes(page: Page) -> Iterator[None]:
    yield
    page.goto("about:blank")


def test_signing_in(page: Page, live_server: LiveServer) -> None:
    page.goto(f"{live_server.url}/sign-in/")
    expect_usable_by_all(page)
    page.get_by_label("Username").fill("nobody")
    page.get_by_label("Password").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    expect_usable_by_all(page, "sign-in refused")


def test_a_dialogue_in_each_of_its_states(page: Page, live_server: LiveServer) -> None:
    project = make_live_project(dimension=Project.Dimension.SAFETY)
    project.guidelines.create(number=1, text="# Be fair\n\nSafety first.")
    make_item(project)
    annotator = make_user()
    project.annotators.add(annotator)
    enter_as(page, annotator, live_server.url)

    page.goto(f"{live_server.url}/work/")
    expect_usable_by_all(page, "work list")
    page.goto(f"{live_server.url}/work/{project.slug}/")
    expect_usable_by_all(page, "writing")
    page.get_by_role("button", name="Keys").click()
    expect_usable_by_all(page, "keys")
    page.get_by_role("button", name="Close").click()
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("alert")).to_contain_text("Write a prompt first")
    expect_usable_by_all(page, "writing refused")

    page.get_by_label("Write a prompt").fill("Why is the sea salty?")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".pair")).to_be_visible()
    expect_usable_by_all(page, "waiting")
    comparison = Comparison.objects.get()
    Comparison.objects.update(queued_at=timezone.now() - timedelta(minutes=1))
    expect(page.get_by_text("is not running")).to_be_visible()
    expect_usable_by_all(page, "nobody answers")
    Comparison.objects.update(status=Job.Status.FAILED, error="The endpoint answered 500.")
    expect(page.get_by_text("could not be written")).to_be_visible()
    expect_usable_by_all(page, "failed")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".pair")).to_be_visible()
    answer(comparison, MARKDOWN, "No.")
    expect(page.get_by_role("button", name="Submit")).to_be_enabled()
    expect_usable_by_all(page, "both answers")
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_role("alert").last).to_contain_text("Choose a point")
    page.keyboard.press("2")
    page.locator("summary", has_text="Skip").click()
    expect_usable_by_all(page, "judging refused, a point chosen, skip open")
    for key in ("ArrowLeft", "s", "ArrowRight", "u"):
        page.locator("body").press(key)
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_label("Continue the dialogue")).to_be_visible()
    expect_usable_by_all(page, "second turn")


def test_an_evaluation_to_its_end(page: Page, live_server: LiveServer) -> None:
    project = make_project(task_type=Project.TaskType.PAIRWISE_EVALUATION)
    make_stored_item(project, overlap=1)
    annotator = make_user()
    project.annotators.add(annotator)
    enter_as(page, annotator, live_server.url)
    page.goto(f"{live_server.url}/work/{project.slug}/")
    expect_usable_by_all(page, "before the first item")
    page.get_by_role("button", name="Start").click()
    expect(page.locator(".pair")).to_be_visible()
    expect_usable_by_all(page, "stored pair")
    page.keyboard.press("3")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("You are done here")).to_be_visible()
    expect_usable_by_all(page, "done")
    Project.objects.update(archived_at=timezone.now())
    page.reload()
    expect_usable_by_all(page, "closed")


def make_everything_that_a_manager_sees() -> dict[str, str]:
    """Rows behind every page of theirs; returns each page's address by name."""
    base = make_model("base", backend=ModelVersion.Backend.LOCAL, path="/models/base", licence="Apache-2.0")
    reward = make_model(
        "reward",
        kind=ModelVersion.Kind.HELPFULNESS_REWARD,
        backend=ModelVersion.Backend.LOCAL,
        path="/models/a-folder-with-a-long-name/reward",
        figures={"accuracy": {"n": 400, "accuracy": 0.64, "low": 0.592, "high": 0.686}},
    )
    reward.parents.add(base)
    project = make_live_project(name="Harbour", dimension=Project.Dimension.SAFETY, target=100)
    project.guidelines.create(number=1, text="Be *fair*.")
    project.annotators.add(annotator := make_user())
    batch = Batch.objects.create(project=project, number=1)
    for points in (1, 2, 8, None):
        judged = make_comparison(project, annotator=annotator, model_a=base, model_b=base, batch=batch)
        make_preference(judged, points, a_safe=True, b_safe=False, seconds=31.5)
    DatasetSnapshot.objects.create(project=project, digest="d" * 64, rows=2299)

    training = Run.objects.create(
        kind=Run.Kind.REWARD_MODEL,
        name="reward-1",
        status=Job.Status.RUNNING,
        progress=0.4,
        progress_note="step 4",
    )
    for step in range(1, 5):
        RunMetric.objects.create(run=training, step=step, name="loss", value=1 / step)
    failed = Run.objects.create(kind=Run.Kind.REWARD_MODEL, name="x", status=Job.Status.FAILED, error="no data")

    x, y = make_model("x-model"), make_model("y-model")
    campaign = create_campaign("spring", "Spring", [x, y], raters_per_item=3)
    raters = [make_user() for _ in range(3)]
    for given in ((1, 2, 3), (7, 7, 6), (4, 4, 4)):
        item = make_pair(campaign.project, x, y)
        for rater, points in zip(raters, given, strict=True):
            make_judgement(item, rater, points)

    iteration = Iteration.objects.create(
        number=1, helpfulness_project=make_project(), safety_project=project, base=base, settings={"with_ppo": False}
    )
    rate = {"value": 0.6, "low": 0.55, "high": 0.65}
    rates = dict.fromkeys(("helpfulness", "safety", "violations", "overall", "mean_helpfulness", "safe"), rate)
    versions = [{"number": n, "model": f"guide-v{n}", "reward": rates, "gold": rates} for n in range(2)]
    report = {"versions": versions, "judges": {}, "prompts": {"helpfulness": 31, "safety": 7}, "draws": 2}
    evaluated = Run.objects.create(kind=Run.Kind.POLICY_EVALUATION, name="v1", status=Job.Status.DONE, report=report)
    Stage.objects.create(iteration=iteration, name="evaluation", run=evaluated)
    Worker.objects.create(name="stand-in", seen_at=timezone.now(), queues="sampling,training")
    home = f"/projects/{project.slug}/"
    return {
        "projects": "/projects/",
        "new project": "/projects/new/",
        "project": home,
        "comparisons": f"{home}comparisons/",
        "comparison": f"{home}comparisons/{judged.pk}/",
        "settings": f"{home}settings/",
        "data": f"{home}data/",
        "models": "/models/",
        "model": "/models/reward/",
        "runs": "/runs/",
        "new run": "/runs/new/",
        "run form": "/runs/new/reward_model/",
        "run": f"/runs/{training.pk}/",
        "failed run": f"/runs/{failed.pk}/",
        "iterations": "/iterations/",
        "campaigns": "/campaigns/",
        "new campaign": "/campaigns/new/",
        "campaign": "/campaigns/spring/",
        "report": "/campaigns/spring/report/",
        "people": "/people/",
        "person": f"/people/{annotator.pk}/",
        "account": "/account/",
        "API": "/api/v1/",
        "nothing here": "/nothing-here/",
    }


def test_the_pages_of_a_manager(page: Page, live_server: LiveServer) -> None:
    addresses = make_everything_that_a_manager_sees()
    enter_as(page, make_user("manager"), live_server.url)
    problems = []
    for called, address in addresses.items():
        response = page.goto(live_server.url + address)
        assert response and response.status == (404 if called == "nothing here" else 200), (called, address)
        try:
            expect_usable_by_all(page, called)
        except AssertionError as error:
            problems.append(str(error))
    assert not problems, "".join(problems)
