"""Undo, a line that breaks, a session that ends, a flag: in a real browser, and nothing typed is lost."""

import re
from collections.abc import Iterator

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from annotation.models import Assignment, Comparison, Flag, Preference, Project
from tests.annotation.answering import Answerer
from tests.annotation.test_assigning import make_live_project
from tests.annotation.test_assigning_races import make_stored_item
from tests.factories import make_project
from tests.journeys.accessibility import expect_usable_by_all
from tests.journeys.test_annotating import answerer, sign_in
from webapp.accounts.models import User

__all__ = ["answerer"]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def quiet(page: Page) -> Iterator[None]:
    yield
    page.goto("about:blank")


@pytest.fixture
def project(page: Page, live_server: LiveServer, quiet: None) -> Project:
    """Three pairs to compare; the first one is on the page."""
    project = make_project(task_type=Project.TaskType.PAIRWISE_EVALUATION)
    for _ in range(3):
        make_stored_item(project, overlap=1)
    sign_in(page, live_server, project)
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("Item 1 of 3")).to_be_visible()
    return project


def submit(page: Page, points: str) -> None:
    page.keyboard.press(points)
    page.keyboard.press("Control+Enter")


def test_a_submission_is_undone_by_a_key_and_the_work_behind_it_waits(page: Page, project: Project) -> None:
    submit(page, "2")
    expect(page.get_by_text("Item 2 of 3")).to_be_visible()
    behind = Comparison.objects.latest("pk")
    page.keyboard.press("6")
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    page.keyboard.press("z")
    expect(page.get_by_text("This is how you submitted it.")).to_be_visible()
    expect(page.get_by_role("radio", name="2: A better")).to_be_checked()
    submit(page, "3")
    expect(page.get_by_text("Item 2 of 3")).to_be_visible()
    expect(page.get_by_role("radio", name="6: B better")).to_be_checked()
    assert list(Preference.objects.order_by("revision").values_list("points", "revision", "current")) == [
        (2, 1, False),
        (3, 2, True),
    ]
    assert behind.assignment and behind.assignment.status == Assignment.Status.LEASED


def test_what_is_undone_can_be_left_as_it_was(page: Page, project: Project) -> None:
    submit(page, "2")
    expect(page.get_by_text("Item 2 of 3")).to_be_visible()
    page.get_by_role("button", name="Undo the last submission").click()
    page.get_by_role("button", name="Leave it as it was").click()
    expect(page.get_by_text("Nothing was changed: it is submitted as it was.")).to_be_visible()
    expect(page.get_by_text("Item 2 of 3")).to_be_visible()
    assert Preference.objects.get().points == 2


def test_earlier_work_is_read_again_and_taken_back_by_keyboard(page: Page, project: Project) -> None:
    for number, points in ((2, "2"), (3, "6")):
        submit(page, points)
        expect(page.get_by_text(f"Item {number} of 3")).to_be_visible()
    page.keyboard.press("h")
    expect(page.get_by_role("heading", name="What you have submitted")).to_be_visible()
    expect_usable_by_all(page, "own work")
    earlier = page.get_by_role("article", name="A better", exact=True)
    earlier.locator("summary").click()
    expect(earlier.get_by_text("Other.")).to_be_visible()
    expect_usable_by_all(page, "own work unfolded")
    earlier.get_by_role("button", name="Take it back").press("Enter")
    expect(page.get_by_role("radio", name="2: A better")).to_be_checked()
    page.wait_for_load_state("load")
    submit(page, "1")
    expect(page.get_by_text("Item 3 of 3")).to_be_visible()
    said = Preference.objects.order_by("comparison", "revision").values_list("points", "current")
    assert list(said) == [(2, False), (1, True), (6, True)]


def test_enter_alone_submits_where_nothing_has_the_focus(page: Page, project: Project) -> None:
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Item 2 of 3")).to_be_visible()
    page.keyboard.press("f")
    page.keyboard.type("Cut off.")
    page.keyboard.press("Enter")  # of the flag alone: nothing is chosen yet
    expect(page.get_by_text("The managers will read it.")).to_be_visible()
    assert Preference.objects.get().points == 2
    assert Flag.objects.get().reason == "Cut off."


def test_a_submission_without_a_line_is_sent_when_it_is_back(page: Page, project: Project) -> None:
    page.context.set_offline(True)
    submit(page, "5")
    expect(page.get_by_text("is sent by itself when the site is back")).to_be_visible()
    expect(page.get_by_role("radio", name=re.compile("^5:"))).to_be_checked()
    assert not Preference.objects.exists()
    page.context.set_offline(False)
    expect(page.get_by_text("Item 2 of 3")).to_be_visible()
    expect(page.get_by_text("is sent by itself when the site is back")).to_be_hidden()
    assert Preference.objects.get().points == 5


def test_what_is_changed_without_a_line_waits_for_its_writer(page: Page, project: Project) -> None:
    page.context.set_offline(True)
    submit(page, "5")
    expect(page.get_by_text("is sent by itself when the site is back")).to_be_visible()
    page.keyboard.press("1")
    expect(page.get_by_text("nothing was submitted, and everything here is kept")).to_be_visible()
    page.context.set_offline(False)
    page.wait_for_timeout(5000)
    assert not Preference.objects.exists()
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Item 2 of 3")).to_be_visible()
    assert Preference.objects.get().points == 1


def test_a_session_that_ends_while_typing_comes_back_to_the_text(
    page: Page, live_server: LiveServer, answerer: Answerer
) -> None:
    project = make_live_project()
    sign_in(page, live_server, project)
    page.keyboard.type("Why is the sea")
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    Session.objects.all().delete()
    page.keyboard.type(" salty?")
    page.get_by_role("link", name="sign in here and come back").click()
    page.get_by_label("Username").fill(User.objects.get(projects=project).username)
    page.get_by_label("Password").fill("correct horse")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Write a prompt")).to_have_value("Why is the sea salty?")

    Session.objects.all().delete()  # and once more, between typing and sending
    page.keyboard.press("Control+Enter")
    page.get_by_role("link", name="sign in here and come back").click()
    page.get_by_label("Username").fill(User.objects.get(projects=project).username)
    page.get_by_label("Password").fill("correct horse")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Write a prompt")).to_have_value("Why is the sea salty?")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("button", name="Submit")).to_be_enabled()
    assert Comparison.objects.get().prompt.text == "Why is the sea salty?"


def test_an_item_is_flagged_and_skipped_by_keyboard(page: Page, project: Project) -> None:
    page.keyboard.press("f")
    page.keyboard.type("Answer A is cut off.")
    page.get_by_role("button", name="Flag and skip").click()
    expect(page.get_by_text("The managers will read it.")).to_be_visible()
    flag = Flag.objects.get()
    assert flag.reason == flag.item.skips.get().reason == "Answer A is cut off."
    now = Assignment.objects.get(status=Assignment.Status.LEASED)
    assert now.item != flag.item
