"""The annotator's day without a mouse: where the focus is after each step, and what a screen reader is told."""

import re
from collections.abc import Iterator

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from annotation.models import Dialogue, Preference, Project
from modeling.registry.models import Worker
from tests.annotation.answering import Answerer
from tests.annotation.test_assigning import make_live_project
from tests.annotation.test_assigning_races import make_stored_item
from tests.factories import make_item, make_project, make_user
from tests.journeys.accessibility import enter_as

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def answerer(page: Page) -> Iterator[Answerer]:
    Worker.objects.create(name="stand-in", seen_at=timezone.now(), queues="sampling")
    thread = Answerer("From the rivers.", "Because of the whales.", 0.1)
    thread.start()
    yield thread
    thread.stop()
    page.goto("about:blank")  # pollers stop before the database goes


def tab_to(page: Page, name: str) -> None:
    """Press Tab until what has the focus is called so; each stop on the way shows that it has it."""
    for _ in range(40):
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        if not focused.count():
            continue  # past the last one: the next Tab begins anew
        shown = focused.evaluate(
            """(element) => [element, element.closest("label")].some((shape) => shape &&
                getComputedStyle(shape).outlineStyle !== "none" &&
                parseFloat(getComputedStyle(shape).outlineWidth) >= 2)"""
        )
        assert shown, f"no visible focus: {focused.evaluate('(element) => element.outerHTML.slice(0, 200)')}"
        if name in (focused.get_attribute("aria-label") or focused.inner_text() or focused.get_attribute("name") or ""):
            return
    raise AssertionError(f"Tab never reached {name!r}")


def expect_focus_in_the_workplace(page: Page) -> None:
    expect(page.locator("#workplace:focus, #workplace :focus")).to_have_count(1)


def test_from_sign_in_to_the_end_of_a_dialogue(page: Page, live_server: LiveServer, answerer: Answerer) -> None:
    project = make_live_project(dimension=Project.Dimension.SAFETY)
    make_item(project)
    annotator = make_user()
    project.annotators.add(annotator)
    page.goto(f"{live_server.url}/")
    expect(page.get_by_label("Username")).to_be_focused()
    page.keyboard.type(annotator.username)
    page.keyboard.press("Tab")
    page.keyboard.type("correct horse")
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="Your work")).to_be_visible()
    tab_to(page, "Skip to content")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    tab_to(page, "Start")
    page.keyboard.press("Enter")

    expect(page.get_by_label("Write a prompt")).to_be_focused()
    page.wait_for_load_state("load")  # the scripts listen from here on
    page.keyboard.press("Control+Enter")  # refused: nothing is written
    expect(page.get_by_role("alert").filter(visible=True)).to_contain_text("Write a prompt first")
    prompt = page.get_by_label("Write a prompt")
    expect(prompt).to_be_focused()
    expect(prompt).to_have_attribute("aria-invalid", "true")
    expect(prompt).to_have_accessible_description(
        "Write a prompt first: the message that the two models answer. Two models answer. At most 8,000 characters."
    )
    tab_to(page, "Take a prompt from the set")
    page.keyboard.press("Enter")

    news = page.locator("[data-news]")
    expect(news).to_have_text("Both answers are here.")
    expect_focus_in_the_workplace(page)
    for key in ("2", "Control+Enter"):
        page.keyboard.press(key)
    expect(page.get_by_role("alert").filter(visible=True)).to_contain_text("Mark answer A as safe or unsafe")
    expect_focus_in_the_workplace(page)
    for key in ("ArrowLeft", "s", "ArrowRight", "u", "Control+Enter"):
        page.keyboard.press(key)

    expect(page.get_by_label("Continue the dialogue")).to_be_focused()
    tab_to(page, "End dialogue")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The dialogue has ended.")).to_be_visible()
    expect_focus_in_the_workplace(page)
    assert Preference.objects.get().points == 2 and Dialogue.objects.get().ended_at is not None


def test_the_scale_is_one_group_that_the_arrow_keys_go_through(page: Page, live_server: LiveServer) -> None:
    project = make_project(task_type=Project.TaskType.PAIRWISE_EVALUATION)
    for _ in range(2):
        make_stored_item(project, overlap=1)
    project.annotators.add(annotator := make_user())
    enter_as(page, annotator, live_server.url)
    page.goto(f"{live_server.url}/work/{project.slug}/")
    tab_to(page, "Start")
    page.keyboard.press("Enter")
    expect(page.get_by_role("radiogroup", name="Which answer is more helpful, and by how much")).to_be_visible()
    expect(page.get_by_role("radio", name="1: A much better")).to_be_enabled()
    tab_to(page, "1: A much better")
    for key in ("ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    expect(page.get_by_role("radio", name="3: A slightly better")).to_be_checked()
    tab_to(page, "Submit")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Item 2 of 2")).to_be_visible()
    expect_focus_in_the_workplace(page)
    expect(page.get_by_role("region", name="Item 2 of 2")).to_be_visible()
    assert Preference.objects.get().points == 3


def test_the_table_of_keys_gives_the_focus_back(page: Page, live_server: LiveServer) -> None:
    project = make_live_project()
    project.annotators.add(annotator := make_user())
    enter_as(page, annotator, live_server.url)
    page.goto(f"{live_server.url}/work/{project.slug}/")
    page.get_by_role("button", name="Keys").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    expect(page.get_by_role("button", name="Close")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Keys")).to_be_focused()


def test_keys_without_ctrl_can_be_switched_off(page: Page, live_server: LiveServer) -> None:
    project = make_project(task_type=Project.TaskType.PAIRWISE_EVALUATION)
    make_stored_item(project, overlap=1)
    project.annotators.add(annotator := make_user())
    enter_as(page, annotator, live_server.url)
    page.goto(f"{live_server.url}/work/{project.slug}/")
    page.get_by_role("button", name="Start").click()
    expect(page.locator(".pair")).to_be_visible()
    page.keyboard.press("?")
    page.get_by_role("checkbox", name="Keys without Ctrl").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("3")
    expect(page.get_by_role("radio", checked=True)).to_have_count(0)
    page.reload()
    page.keyboard.press("3")
    expect(page.get_by_role("radio", checked=True)).to_have_count(0)
    page.get_by_role("button", name="Keys").click()
    page.get_by_role("checkbox", name="Keys without Ctrl").check()
    page.keyboard.press("Escape")
    page.keyboard.press("3")
    expect(page.get_by_role("radio", name="3: A slightly better")).to_be_checked()


def test_a_field_that_is_refused_says_why(page: Page, live_server: LiveServer) -> None:
    enter_as(page, make_user("manager"), live_server.url)
    page.goto(f"{live_server.url}/projects/new/")
    field = page.get_by_label("Annotators per item")
    field.fill("0")
    field.evaluate("(field) => { field.form.noValidate = true; }")  # as where a browser has no check of its own
    field.press("Enter")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description(re.compile("greater than or equal to 1"))


def test_somebody_who_wants_no_motion_sees_none(page: Page, live_server: LiveServer) -> None:
    project = make_live_project()
    project.annotators.add(annotator := make_user())
    enter_as(page, annotator, live_server.url)
    page.emulate_media(reduced_motion="reduce")
    page.goto(f"{live_server.url}/work/{project.slug}/")
    page.get_by_label("Write a prompt").fill("Why?")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".dots i").first).to_be_visible()
    page.wait_for_timeout(100)
    assert page.evaluate("document.getAnimations().filter((each) => each.playState === 'running').length") == 0
    page.goto("about:blank")
