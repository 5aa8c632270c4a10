"""Every page as axe and a narrow phone see it: no serious finding, light and dark, wide and narrow."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from annotation.models import Comparison, Project
from modeling.registry.models import Job
from tests.annotation.answering import answer
from tests.annotation.test_assigning import make_live_project
from tests.annotation.test_assigning_races import make_stored_item
from tests.every_page import every_page_of_a_manager
from tests.factories import (
    make_item,
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


def test_the_ways_back_in(page: Page, live_server: LiveServer) -> None:
    page.goto(f"{live_server.url}/join/of-nobody/")
    expect_usable_by_all(page, "an invitation that is over")
    page.goto(f"{live_server.url}/password/forgotten/")
    expect_usable_by_all(page, "password forgotten")
    page.goto(f"{live_server.url}/password/new/MQ/over/")
    expect_usable_by_all(page, "a link that is over")
    page.goto(f"{live_server.url}/password/new/done/")
    expect_usable_by_all(page, "new password set")
    enter_as(page, make_user(), live_server.url)
    page.goto(f"{live_server.url}/account/password/")
    page.get_by_role("button", name="Change").or_(page.locator("main button.primary")).first.click()
    expect_usable_by_all(page, "change of password")


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


@pytest.mark.parametrize("language", ["en", "de"])  # German words are the longest
def test_an_evaluation_to_its_end(page: Page, live_server: LiveServer, language: str) -> None:
    project = make_project(task_type=Project.TaskType.PAIRWISE_EVALUATION)
    make_stored_item(project, overlap=1)
    annotator = make_user()
    project.annotators.add(annotator)
    enter_as(page, annotator, live_server.url)
    page.context.add_cookies([{"name": "django_language", "value": language, "url": live_server.url}])
    page.goto(f"{live_server.url}/work/")
    expect_usable_by_all(page, f"list {language}")
    page.goto(f"{live_server.url}/work/{project.slug}/")
    expect_usable_by_all(page, f"before the first item {language}")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".pair")).to_be_visible()
    page.keyboard.press("3")
    expect_usable_by_all(page, f"stored pair {language}")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".pair")).to_have_count(0)
    expect_usable_by_all(page, f"done {language}")
    Project.objects.update(archived_at=timezone.now())
    page.reload()
    expect_usable_by_all(page, f"closed {language}")


def test_the_pages_of_a_manager(page: Page, live_server: LiveServer) -> None:
    addresses = every_page_of_a_manager()
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
