"""An annotator's way through the work pages in a real browser."""

import re
from collections.abc import Iterator

import pytest
from django.db.models import F
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from annotation.models import Comparison, Dialogue, Draft, Preference, Project
from modeling.registry.models import Worker
from tests.annotation.answering import Answerer
from tests.annotation.test_assigning import make_live_project
from tests.annotation.test_assigning_races import make_stored_item
from tests.factories import make_item, make_project, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def answerer() -> Iterator[Answerer]:
    Worker.objects.create(name="stand-in", seen_at=timezone.now(), queues="sampling")
    thread = Answerer("Salt comes with **the rivers** from the land.", "Because of the fish and the whales in it.", 0.2)
    thread.start()
    yield thread
    thread.stop()


@pytest.fixture
def complaints(page: Page) -> Iterator[list[str]]:
    """What the browser's console complained about: a script's error or a breach of the content security policy."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    yield said
    page.goto("about:blank")  # pollers stop before the database goes


def sign_in(page: Page, live_server: LiveServer, project: Project) -> None:
    annotator = make_user()
    project.annotators.add(annotator)
    page.goto(f"{live_server.url}/work/{project.slug}/")
    page.get_by_label("Username").fill(annotator.username)
    page.get_by_label("Password").fill("correct horse")
    page.keyboard.press("Enter")
    expect(page.locator("#workplace")).to_be_visible()
    page.wait_for_load_state("load")  # the scripts listen from here on


def test_a_dialogue_of_two_turns_by_keyboard(
    page: Page, live_server: LiveServer, answerer: Answerer, complaints: list[str]
) -> None:
    project = make_live_project()
    sign_in(page, live_server, project)
    page.keyboard.type("Why is the sea salty?")  # the prompt has the focus
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    page.reload()
    expect(page.get_by_label("Write a prompt")).to_have_value("Why is the sea salty?")
    page.keyboard.press("Control+Enter")

    words = page.locator("#answer-a, #answer-b").filter(has_text="Salt comes")
    expect(words).to_be_visible()
    expect(page.get_by_role("button", name="Submit")).to_be_disabled()  # words are there, the whole is not
    expect(words).to_have_text("Salt comes with the rivers from the land.")
    expect(page.get_by_role("button", name="Submit")).to_be_enabled()

    page.keyboard.press("7")
    expect(page.get_by_role("radio", name="7: B better")).to_be_checked()
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    page.reload()
    expect(page.get_by_role("radio", name="7: B better")).to_be_checked()
    page.keyboard.press("Control+Enter")

    first = page.get_by_label("Continue the dialogue")
    first.fill("And lakes?")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("button", name="Submit")).to_be_enabled()
    page.keyboard.press("1")
    page.keyboard.press("Control+Enter")
    expect(first).to_be_visible()  # before, another button of this name would leave the second turn unjudged
    page.get_by_role("button", name="End dialogue").click()
    expect(page.get_by_text("The dialogue has ended.")).to_be_visible()

    judged = Preference.objects.order_by("pk").values_list("comparison__turn", "points", "choice")
    assert list(judged) == [(1, 7, "b"), (2, 1, "a")]
    assert Dialogue.objects.get().ended_at is not None
    assert not Draft.objects.exists()
    assert complaints == []


def test_a_choice_made_just_before_the_page_is_drawn_again_is_saved_once(
    page: Page, live_server: LiveServer, complaints: list[str]
) -> None:
    """A poll that was under way when the answers came draws the page a second time; the choice comes along."""
    project = make_project(task_type=Project.TaskType.PAIRWISE_EVALUATION)
    make_stored_item(project, overlap=1)
    sign_in(page, live_server, project)
    page.get_by_role("button", name="Start").click()
    expect(page.locator(".pair")).to_be_visible()
    answers = f"/work/{project.slug}/answers/{Comparison.objects.get().pk}/"
    page.keyboard.press("3")
    page.evaluate("path => htmx.ajax('GET', path, '#workplace')", answers)
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    expect(page.get_by_role("radio", name="3: A slightly better")).to_be_checked()
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("You are done here")).to_be_visible()
    page.wait_for_timeout(900)  # longer than the pause before a draft is saved
    assert Preference.objects.get().points == 3
    assert complaints == []


def test_safety_marks_go_to_the_side_in_front(
    page: Page, live_server: LiveServer, answerer: Answerer, complaints: list[str]
) -> None:
    project = make_live_project(dimension=Project.Dimension.SAFETY)
    make_item(project)
    sign_in(page, live_server, project)
    page.get_by_role("button", name="Take a prompt from the set").click()
    expect(page.get_by_role("button", name="Submit")).to_be_enabled()
    for key in ("s", "ArrowRight", "u", "2", "Control+Enter"):
        page.keyboard.press(key)
    expect(page.get_by_label("Continue the dialogue")).to_be_visible()
    preference = Preference.objects.get()
    assert (preference.a_safe, preference.b_safe, preference.points) == (True, False, 2)
    assert complaints == []


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1280, 800)])
def test_a_refusal_covers_nothing_that_has_to_be_mended(
    page: Page, live_server: LiveServer, answerer: Answerer, width: int, height: int
) -> None:
    answerer.texts, answerer.pause = ("A longer answer. " * 150, "Another longer answer. " * 150), 0
    project = make_live_project(dimension=Project.Dimension.SAFETY)
    make_item(project)
    page.set_viewport_size({"width": width, "height": height})
    sign_in(page, live_server, project)
    page.get_by_role("button", name="Take a prompt from the set").click()
    expect(page.get_by_role("button", name="Submit")).to_be_enabled()

    def refused_for(words: str) -> None:
        page.get_by_role("button", name="Submit").click()
        notice = page.locator(".judging .notice")
        expect(notice).to_contain_text(words)
        box = notice.bounding_box()
        assert box is not None and box["height"] <= (40 if width > 400 else 85)
        for mark in page.locator(".mark label:visible").all():
            expect(mark).to_be_in_viewport(ratio=1)
            uncovered = "m => { const b = m.getBoundingClientRect(), x = b.x + b.width / 2;"
            uncovered += " return m.contains(document.elementFromPoint(x, b.bottom - 3)); }"
            assert mark.evaluate(uncovered)

    refused_for("Mark answer A as safe or unsafe. Mark answer B")
    page.keyboard.press("2")
    for key in ("ArrowLeft", "u", "ArrowRight", "s"):
        page.keyboard.press(key)
    refused_for("You prefer the answer that you marked unsafe")


def test_arriving_words_leave_the_focus_and_the_typed_reason_alone(page: Page, live_server: LiveServer) -> None:
    project = make_live_project()
    sign_in(page, live_server, project)
    page.keyboard.type("Why?")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".pair")).to_be_visible()
    page.keyboard.press("Control+Space")
    page.keyboard.type("The prompt is")
    with page.expect_response(re.compile("/answers/")):
        page.keyboard.type(" too short")
    with page.expect_response(re.compile("/answers/")):
        expect(page.get_by_label("Why?")).to_be_focused()
    expect(page.get_by_label("Why?")).to_have_value("The prompt is too short")
    page.goto("about:blank")


def test_a_submission_that_fails_says_so_and_keeps_everything(page: Page, live_server: LiveServer) -> None:
    project = make_project(task_type=Project.TaskType.PAIRWISE_EVALUATION)
    make_stored_item(project, overlap=1)
    sign_in(page, live_server, project)
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("radio", name="3: A slightly better")).to_be_enabled()
    page.route("**/work/**", lambda route: route.abort())
    page.keyboard.press("3")
    expect(page.get_by_text("Not saved on the site")).to_be_visible()
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Your submission is kept and is sent by itself")).to_be_visible()
    expect(page.get_by_role("radio", name="3: A slightly better")).to_be_checked()
    page.keyboard.press("5")  # whoever thinks again is not submitted for
    expect(page.get_by_text("nothing was submitted, and everything here is kept")).to_be_visible()
    assert not Preference.objects.exists()

    page.unroute("**/work/**")
    page.reload()  # this browser's own copy brings the choice back
    expect(page.get_by_role("radio", name="5: B slightly better")).to_be_checked()
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("You are done here")).to_be_visible()
    assert Preference.objects.get().points == 5


def test_somebody_signed_out_meanwhile_loses_nothing(page: Page, live_server: LiveServer) -> None:
    project = make_live_project()
    sign_in(page, live_server, project)
    page.context.clear_cookies(name="sessionid")
    page.keyboard.type("Why?")
    expect(page.locator("[data-draft-status]")).to_contain_text("you are signed out")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("You are signed out. Nothing was submitted")).to_be_visible()
    expect(page.get_by_label("Write a prompt")).to_have_value("Why?")
    assert not Comparison.objects.exists()


def test_an_open_guideline_stays_open_and_a_new_version_takes_its_place(page: Page, live_server: LiveServer) -> None:
    project = make_project(task_type=Project.TaskType.PAIRWISE_EVALUATION)
    project.guidelines.create(number=1, text="Be fair.")
    for _ in range(3):
        make_stored_item(project, overlap=1)
    sign_in(page, live_server, project)
    expect(page.get_by_role("heading", name="Read the guideline before you begin")).to_be_visible()
    expect(page.get_by_text("Be fair.")).to_be_visible()
    page.get_by_role("button", name="I have read it").click()
    expect(page.get_by_role("heading", name="Read the guideline")).to_have_count(0)
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("Item 1 of 3")).to_be_visible()
    expect(page.get_by_text("Be fair.")).to_be_visible()
    project.guidelines.create(number=2, text="Be kind.")
    for key in ("2", "Control+Enter"):
        page.keyboard.press(key)
    expect(page.get_by_text("Item 2 of 3")).to_be_visible()
    expect(page.get_by_role("heading", name="The guideline has changed: version 2")).to_be_visible()
    expect(page.locator("#guideline").get_by_text("version 2")).to_be_visible()
    expect(page.locator("#guideline").get_by_text("Be fair.")).to_have_count(0)


def test_a_second_tab_is_told_that_it_is_already_answered(page: Page, live_server: LiveServer) -> None:
    project = make_project(task_type=Project.TaskType.PAIRWISE_EVALUATION)
    make_stored_item(project, overlap=1)
    sign_in(page, live_server, project)
    page.get_by_role("button", name="Start").click()
    expect(page.locator(".pair")).to_be_visible()
    other = page.context.new_page()
    other.goto(page.url)
    for tab, key in ((page, "2"), (other, "6")):
        tab.keyboard.press(key)
        tab.keyboard.press("Control+Enter")
        expect(tab.get_by_text("You are done here")).to_be_visible()
    expect(other.get_by_text("already answered")).to_be_visible()
    assert Preference.objects.get().points == 2


@pytest.mark.parametrize("width", [390, 320])
def test_a_phone_shows_one_answer_at_a_time_and_the_whole_scale(
    page: Page, live_server: LiveServer, width: int
) -> None:
    project = make_project(task_type=Project.TaskType.PAIRWISE_EVALUATION)
    make_stored_item(project, overlap=1)
    page.set_viewport_size({"width": width, "height": 700})
    sign_in(page, live_server, project)
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#side-a")).to_be_visible()
    expect(page.locator("#side-b")).to_be_hidden()
    page.get_by_role("button", name="Answer B").click()
    expect(page.locator("#side-b")).to_be_visible()
    expect(page.locator("#side-a")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for point in page.locator(".point").all():
        box = point.bounding_box()
        assert box is not None and box["width"] >= 30 and box["height"] >= 40
    page.locator(".point").last.click()
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_text("You are done here")).to_be_visible()
    assert Preference.objects.filter(points=F("scale"), comparison=Comparison.objects.get()).exists()


def test_a_project_that_is_closed_meanwhile_says_so(page: Page, live_server: LiveServer) -> None:
    project = make_live_project()
    sign_in(page, live_server, project)
    Project.objects.update(archived_at=timezone.now())
    page.get_by_label("Write a prompt").fill("Why?")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("This project was closed by a manager; what you submitted before is kept")).to_be_visible()
    expect(page.get_by_label("Write a prompt")).to_have_value("Why?")


def test_signing_in_again_in_another_tab_goes_on_with_what_was_written(page: Page, live_server: LiveServer) -> None:
    project = make_live_project()
    sign_in(page, live_server, project)
    annotator = project.annotators.get()
    other = page.context.new_page()
    other.goto(f"{live_server.url}/work/")
    other.get_by_role("button", name="Sign out").click()
    expect(other.get_by_label("Username")).to_be_visible()

    page.get_by_label("Write a prompt").fill("Why is the sea salty?")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("You are signed out.")).to_be_visible()
    other.get_by_label("Username").fill(annotator.username)
    other.get_by_label("Password").fill("correct horse")
    other.keyboard.press("Enter")
    expect(other.get_by_role("heading", name="Your work")).to_be_visible()
    page.keyboard.press("Control+Enter")
    expect(page.locator(".pair")).to_be_visible()
    assert Comparison.objects.get().prompt.text == "Why is the sea salty?"
    page.goto("about:blank")


def test_what_one_person_wrote_is_not_submitted_by_another(page: Page, live_server: LiveServer) -> None:
    project = make_live_project()
    sign_in(page, live_server, project)
    somebody = make_user()
    project.annotators.add(somebody)
    other = page.context.new_page()
    other.goto(f"{live_server.url}/work/")
    other.get_by_role("button", name="Sign out").click()
    other.get_by_label("Username").fill(somebody.username)
    other.get_by_label("Password").fill("correct horse")
    other.keyboard.press("Enter")
    expect(other.get_by_role("heading", name="Your work")).to_be_visible()

    page.get_by_label("Write a prompt").fill("Mine alone")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Somebody else is signed in")).to_be_visible()
    expect(page.get_by_label("Write a prompt")).to_have_value("Mine alone")
    assert not Comparison.objects.exists()
