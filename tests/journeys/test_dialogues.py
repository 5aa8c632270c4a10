"""Dialogues of several turns in a real browser: new answers, other words, long answers, two dialogues side by side."""

import pytest
from django.db.models import F
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from annotation.importing.pairs import import_pairs
from annotation.models import Comparison, Draft, Preference, Project
from modeling.registry.models import Job
from tests.annotation.answering import Answerer
from tests.annotation.files import jsonl
from tests.annotation.test_assigning import make_live_project
from tests.annotation.test_whole_dialogues import LONG, SHORT, row, says
from tests.factories import make_item, make_project, make_prompt
from tests.journeys.test_annotating import answerer, complaints, sign_in

__all__ = ["answerer", "complaints"]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

CODE = "Here:\n\n```python\n" + "print('" + "a very long line " * 20 + "')\n```\n\nDone."
TABLE = "| " + " | ".join(f"a wide column {n}" for n in range(12)) + " |\n|" + "---|" * 12 + "\n|" + " 1 |" * 12


def ready(page: Page) -> None:
    expect(page.get_by_role("button", name="Submit")).to_be_enabled()


def test_new_answers_and_other_words_by_keyboard(
    page: Page, live_server: LiveServer, answerer: Answerer, complaints: list[str]
) -> None:
    answerer.pause = 0.05
    project = make_live_project(regenerations=2)
    sign_in(page, live_server, project)
    page.keyboard.type("Why is the see salty?")
    page.keyboard.press("Control+Enter")
    ready(page)

    page.keyboard.press("r")  # says what it would do
    expect(page.get_by_text("two new ones come. You can do so 2 times more in this turn.")).to_be_visible()
    page.keyboard.press("r")  # and does it
    expect(page.get_by_role("button", name="Submit")).to_be_disabled()
    ready(page)

    page.keyboard.press("e")
    expect(page.get_by_label("Your prompt in other words")).to_be_focused()
    page.get_by_label("Your prompt in other words").fill("Why is the sea salty?")
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    page.reload()  # what was typed comes back, and the box is open
    expect(page.get_by_label("Your prompt in other words")).to_have_value("Why is the sea salty?")
    page.get_by_label("Your prompt in other words").focus()
    page.keyboard.press("Control+Enter")
    expect(page.locator(".asked")).to_contain_text("Why is the sea salty?")
    ready(page)
    expect(page.get_by_text("Edit the prompt")).to_have_count(0)  # twice was all

    page.keyboard.press("7")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_label("Continue the dialogue")).to_be_visible()
    assert list(Comparison.objects.order_by("pk").values_list("turn", "regeneration")) == [(1, 0), (1, 1), (1, 2)]
    assert Preference.objects.get().comparison.regeneration == 2
    assert not Draft.objects.exists()
    assert complaints == []


def test_two_answers_that_are_the_same_are_called_so(page: Page, live_server: LiveServer, answerer: Answerer) -> None:
    answerer.texts, answerer.pause = ("From the rivers.", "From the rivers."), 0
    sign_in(page, live_server, make_live_project())
    page.keyboard.type("Why is the sea salty?")
    page.keyboard.press("Control+Enter")
    ready(page)
    expect(page.get_by_text("They are the same, word for word. You can get two new ones with R.")).to_be_visible()
    expect(page.locator("[data-news]")).to_have_text("Both answers are here. They are the same, word for word.")
    answerer.texts = ("From the rivers.", "From the land.")
    page.keyboard.press("r")
    page.keyboard.press("r")
    expect(page.get_by_text("From the land.")).to_be_visible()
    expect(page.get_by_text("word for word")).to_have_count(0)
    page.goto("about:blank")


def test_a_prompt_is_mended_while_its_answers_are_still_waited_for(
    page: Page, live_server: LiveServer, complaints: list[str]
) -> None:
    project = make_live_project()
    sign_in(page, live_server, project)
    page.keyboard.type("Wyh?")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".pair")).to_be_visible()
    page.keyboard.press("e")
    page.get_by_label("Your prompt in other words").fill("Why?")
    page.get_by_role("button", name="Ask this instead").click()
    expect(page.locator(".asked")).to_contain_text("Why?")
    first, second = Comparison.objects.order_by("pk")
    assert (first.status, second.status, second.prompt.text) == (Job.Status.CANCELLED, Job.Status.QUEUED, "Why?")
    assert complaints == []


def test_a_refused_rewording_keeps_the_words_and_the_answers(
    page: Page, live_server: LiveServer, answerer: Answerer
) -> None:
    answerer.pause = 0
    sign_in(page, live_server, make_live_project())
    page.keyboard.type("Why?")
    page.keyboard.press("Control+Enter")
    ready(page)
    page.keyboard.press("e")
    page.get_by_label("Your prompt in other words").fill("x" * 8001)
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("A prompt has at most 8,000 characters, this one has 8,001")).to_be_visible()
    expect(page.get_by_label("Your prompt in other words")).to_have_value("x" * 8001)
    expect(page.locator(".answer", has_text="rivers")).to_be_visible()
    assert Comparison.objects.count() == 1


@pytest.mark.parametrize("width", [1280, 390, 320])
def test_long_answers_are_shortened_alike_and_shown_in_full_on_demand(
    page: Page, live_server: LiveServer, answerer: Answerer, complaints: list[str], width: int
) -> None:
    answerer.texts, answerer.pause = ("A long answer, in many words. " * 300, "A short answer."), 0
    page.set_viewport_size({"width": width, "height": 800})
    sign_in(page, live_server, make_live_project())
    page.get_by_label("Write a prompt").fill("Why?")
    page.keyboard.press("Control+Enter")
    ready(page)
    long_one = page.locator(".answer", has_text="A long answer").locator(".foldable")
    if not long_one.is_visible():
        page.locator("[data-show-side=b]").click()
    folded = long_one.bounding_box()
    assert folded is not None and folded["height"] < 700
    page.get_by_label("Answer A", exact=True).or_(page.locator(".answer:visible")).first.focus()
    page.keyboard.press("l")
    full = long_one.bounding_box()
    assert full is not None and full["height"] > 1.6 * 800
    page.get_by_role("button", name="Shorten both again").click()
    again = long_one.bounding_box()
    assert again is not None and again["height"] == folded["height"]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert complaints == []


@pytest.mark.parametrize("width", [1280, 390, 320])
def test_code_and_wide_tables_scroll_inside_their_answer(
    page: Page, live_server: LiveServer, answerer: Answerer, complaints: list[str], width: int
) -> None:
    answerer.texts, answerer.pause = (CODE, TABLE), 0
    page.set_viewport_size({"width": width, "height": 800})
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    sign_in(page, live_server, make_live_project())
    page.get_by_label("Write a prompt").fill("Code?")
    page.keyboard.press("Control+Enter")
    ready(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    code = page.locator(".code pre")
    if not code.is_visible():
        page.locator("[data-show-side=b]").click()
    wide = "element => element.scrollWidth > element.clientWidth"
    assert code.evaluate(wide)
    page.get_by_role("button", name="Wrap lines").click()
    assert not code.evaluate(wide)
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()").startswith("print('a very long line")
    assert complaints == []


@pytest.mark.parametrize("width", [1280, 390, 320])
def test_two_whole_dialogues_are_compared(
    page: Page, live_server: LiveServer, complaints: list[str], width: int
) -> None:
    project = make_project(task_type=Project.TaskType.PAIRWISE_EVALUATION)
    import_pairs(jsonl(row(SHORT, LONG)), project)
    page.set_viewport_size({"width": width, "height": 800})
    sign_in(page, live_server, project)
    page.get_by_role("button", name="Start").click()
    expect(page.locator(".asked")).to_contain_text("Where is the ferry?")
    expect(page.get_by_text("Where is the ferry?")).to_have_count(1)
    parted = page.locator(".answer", has_text="Safe journey.")
    if width < 700:
        expect(page.locator(".answer:visible")).to_have_count(1)
        page.get_by_role("button", name="Dialogue B").click()
        expect(page.locator("#side-b")).to_be_visible()
        if not parted.is_visible():
            page.get_by_role("button", name="Dialogue A").click()
    for text in ("It left.", "And the next?", "At nine.", "Thanks!", "Safe journey."):
        expect(parted.get_by_text(text)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.keyboard.press("2")
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_text("You are done here")).to_be_visible()
    assert Preference.objects.filter(points=2, scale=7, comparison__prompt=F("comparison__assignment__item__prompt"))
    assert complaints == []


def test_instructions_and_what_was_said_before_are_folded_and_the_keys_are_told(
    page: Page, live_server: LiveServer, answerer: Answerer, complaints: list[str]
) -> None:
    answerer.pause = 0
    project = make_live_project(system_prompt="Answer like a pirate.")
    make_item(project, make_prompt(project, messages=says("Hello?", "Ahoy!", "Where is the gold?")))
    sign_in(page, live_server, project)
    expect(page.get_by_text("Answer like a pirate.")).to_be_hidden()
    page.get_by_text("Instructions to the models").click()
    expect(page.get_by_text("Answer like a pirate.")).to_be_visible()
    page.get_by_role("button", name="Take a prompt from the set").click()
    ready(page)
    expect(page.get_by_text("Ahoy!")).to_be_visible()  # new to the annotator, so not folded
    page.keyboard.press("1")
    page.keyboard.press("Control+Enter")
    page.get_by_label("Continue the dialogue").fill("And then?")
    page.keyboard.press("Control+Enter")
    ready(page)
    expect(page.get_by_text("Ahoy!")).to_be_hidden()
    page.get_by_text("Earlier in this dialogue").click()
    expect(page.get_by_text("Ahoy!")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("row", name="R R two new answers")).to_be_visible()
    expect(page.get_by_role("row", name="E edit your prompt, before it is judged")).to_be_visible()
    assert complaints == []
