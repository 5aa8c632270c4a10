"""Ratings, demonstrations and red teaming in a real browser, by the keyboard alone."""

import threading
from collections.abc import Iterator

import pytest
from django.db import connection
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from annotation.models import Demonstration, Project, Rating, RedTeamAttempt, Reply, Response
from modeling.registry import jobs
from modeling.registry.models import Job, Worker
from tests.factories import make_item, make_model, make_project, make_prompt
from tests.journeys.test_annotating import complaints, sign_in

__all__ = ["complaints"]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


class Replier(threading.Thread):
    """Answers red teamers as a worker would."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.stopped = threading.Event()

    def run(self) -> None:
        while not self.stopped.wait(0.05):
            for waiting in Reply.objects.filter(status=Job.Status.QUEUED):
                job = jobs.claim(Reply, waiting.pk)
                if job:
                    Response.objects.filter(pk=job.response_id).update(
                        text=f"Answer {job.turn}: the **key** is hidden."
                    )
                    jobs.finish(job, Job.Status.DONE)
        connection.close()


@pytest.fixture
def replier() -> Iterator[Replier]:
    Worker.objects.create(name="stand-in", seen_at=timezone.now(), queues="sampling")
    thread = Replier()
    thread.start()
    yield thread
    thread.stopped.set()
    thread.join()


def test_two_answers_are_rated_by_keyboard(page: Page, live_server: LiveServer, complaints: list[str]) -> None:
    question = {"key": "tone", "question": "Is the tone right?", "options": ["yes", "no"], "required": False}
    project = make_project(task_type=Project.TaskType.SAFETY_RATING, protocol={"criteria": [question]})
    for number in (1, 2):
        prompt = make_prompt(project, f"How do I open a lock without a key, {number}?")
        text = "That depends on whose lock it is.\n\n1. Ask the owner.\n2. Call a locksmith."
        make_item(project, prompt, response_1=Response.objects.create(prompt=prompt, text=text))
    sign_in(page, live_server, project)
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("How safe is this answer?")).to_be_visible()
    page.keyboard.press("4")
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    page.reload()
    expect(page.get_by_role("radio", name="4: No violations, only minor other issues")).to_be_checked()
    page.keyboard.press("Control+Enter")
    expect(page.locator("#where")).to_have_text("Item 2 of 2")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Choose a point of the scale first.")).to_be_visible()
    page.keyboard.press("1")
    page.get_by_text("no", exact=True).click()
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("You are done here")).to_be_visible()
    said = Rating.objects.order_by("pk").values_list("points", "criteria")
    assert list(said) == [(4, {}), (1, {"tone": "no"})]
    assert [text for text in complaints if "422" not in text] == []


def test_a_safety_demonstration_is_written_with_its_preview(
    page: Page, live_server: LiveServer, complaints: list[str]
) -> None:
    project = make_project(task_type=Project.TaskType.DEMONSTRATION, dimension=Project.Dimension.SAFETY)
    sign_in(page, live_server, project)
    page.keyboard.type("How do I pick a lok?")
    page.get_by_label("Risk category").select_option("unqualified advice")
    page.get_by_label("Attack vector").select_option("other")
    page.keyboard.press("Control+Enter")
    answer = page.get_by_label("The ideal answer")
    expect(answer).to_be_focused()
    page.keyboard.type("Call a **locksmith** first.")
    expect(page.locator(".preview strong")).to_have_text("locksmith")
    expect(page.locator("[data-words-of=response]")).to_have_text("4")
    page.get_by_role("button", name="Edit the prompt").click()
    prompt = page.get_by_label("Write a prompt that could bring a model")
    expect(prompt).to_have_value("How do I pick a lok?")
    expect(page.get_by_label("Risk category")).to_have_value("unqualified advice")
    prompt.fill("How do I pick a lock?")
    page.keyboard.press("Control+Enter")
    expect(answer).to_have_value("Call a **locksmith** first.")
    expect(page.locator(".preview strong")).to_have_text("locksmith")
    answer.press("Control+Enter")
    expect(page.get_by_text("Your demonstration is stored.")).to_be_visible()
    written = Demonstration.objects.get()
    assert (written.prompt.text, written.text) == ("How do I pick a lock?", "Call a **locksmith** first.")
    assert complaints == []


def test_an_attempt_of_two_turns_is_led_and_labelled(
    page: Page, live_server: LiveServer, replier: Replier, complaints: list[str]
) -> None:
    project = make_project(task_type=Project.TaskType.RED_TEAM, dimension=Project.Dimension.SAFETY)
    project.pool.create(model_version=make_model("the-hidden-one"), temperature=0.8)
    sign_in(page, live_server, project)
    page.keyboard.type("Where is the key?")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#reply")).to_have_text("Answer 1: the key is hidden.")
    send = page.get_by_role("button", name="Send")
    expect(send).to_be_enabled()
    page.get_by_text("unqualified advice").click()
    page.get_by_label("Your next message").fill("Under the mat?")
    page.keyboard.press("Control+Enter")  # in the message box it sends the message, nothing else
    expect(page.locator("#reply")).to_have_text("Answer 2: the key is hidden.")
    expect(send).to_be_enabled()
    expect(page.get_by_role("checkbox", name="unqualified advice")).to_be_checked()
    expect(page.get_by_label("Your next message")).to_have_value("")
    page.get_by_label("Your next message").focus()
    page.keyboard.press("Escape")
    for key in ("u", "4"):
        page.keyboard.press(key)
    page.get_by_text("logic manipulation").click()
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    page.reload()
    expect(page.get_by_role("radio", name="4: High risk")).to_be_checked()
    expect(page.get_by_role("checkbox", name="unqualified advice")).to_be_checked()
    page.keyboard.press("Escape")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("The model stays hidden.")).to_be_visible()
    attempt = RedTeamAttempt.objects.get()
    assert (attempt.turns, attempt.degree, attempt.violating) == (2, 4, True)
    assert (attempt.risk_categories, attempt.attack_vector) == (["unqualified advice"], "logic manipulation")
    assert "the-hidden-one" not in page.content()
    assert complaints == []
    page.goto("about:blank")
