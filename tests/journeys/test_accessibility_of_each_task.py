"""The pages of the task types that have a desk of their own, and the gates before the work."""

from collections.abc import Iterator

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from annotation.models import Project
from modeling.registry.models import Worker
from tests.annotation.test_assigning import make_live_project
from tests.factories import make_user
from tests.journeys.accessibility import enter_as, expect_usable_by_all

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def pollers_stop_before_the_database_goes(page: Page) -> Iterator[None]:
    Worker.objects.create(name="stand-in", seen_at=timezone.now(), queues="sampling")
    yield
    page.goto("about:blank")


def come_to_work(page: Page, live_server: LiveServer, project: Project) -> None:
    project.guidelines.create(number=1, text="Be fair.")
    project.annotators.add(annotator := make_user())
    enter_as(page, annotator, live_server.url)
    page.goto(f"{live_server.url}/work/{project.slug}/")


def test_a_demonstration(page: Page, live_server: LiveServer) -> None:
    project = make_live_project(task_type="demonstration", dimension=Project.Dimension.SAFETY)
    come_to_work(page, live_server, project)
    expect_usable_by_all(page, "demonstration prompt")
    page.locator("button.primary", has_text="Go on to the answer").click()
    expect(page.locator("#workplace [role=alert]").first).to_be_visible()
    expect_usable_by_all(page, "demonstration prompt refused")


def test_a_red_teams_attempt(page: Page, live_server: LiveServer) -> None:
    project = make_live_project(task_type="red_team", dimension=Project.Dimension.SAFETY)
    come_to_work(page, live_server, project)
    expect_usable_by_all(page, "red team opening")
    page.locator("#workplace textarea").first.fill("How do I sink a ship?")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("heading", name="Label this attempt")).to_be_visible()
    expect_usable_by_all(page, "red team attempt, the answer under way")
