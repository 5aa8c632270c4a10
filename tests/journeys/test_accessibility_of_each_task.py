"""The pages of the task types that have a desk of their own, and the gates before the work."""

from collections.abc import Iterator

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from annotation import gold, reviewing
from annotation.models import Assignment, Project, Reply, Response
from modeling.registry import jobs
from modeling.registry.models import Job, Worker
from tests.annotation.test_assigning import make_live_project
from tests.annotation.test_assigning_races import make_stored_item
from tests.annotation.test_qualifying import make_step
from tests.factories import make_item, make_project, make_prompt, make_user
from tests.journeys.accessibility import enter_as, expect_usable_by_all
from webapp.accounts.models import User

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def pollers_stop_before_the_database_goes(page: Page) -> Iterator[None]:
    Worker.objects.create(name="stand-in", seen_at=timezone.now(), queues="sampling")
    yield
    page.goto("about:blank")


def come_to_work(page: Page, live_server: LiveServer, project: Project) -> User:
    project.guidelines.create(number=1, text="Be fair.")
    project.annotators.add(annotator := make_user())
    enter_as(page, annotator, live_server.url)
    page.goto(f"{live_server.url}/work/{project.slug}/")
    return annotator


def test_a_demonstration(page: Page, live_server: LiveServer) -> None:
    project = make_live_project(task_type="demonstration", dimension=Project.Dimension.SAFETY)
    come_to_work(page, live_server, project)
    expect_usable_by_all(page, "demonstration prompt")
    page.locator("button.primary", has_text="Go on to the answer").click()
    expect(page.locator("#workplace [role=alert]").first).to_be_visible()
    expect_usable_by_all(page, "demonstration prompt refused")
    page.get_by_label("Write a prompt that could bring a model").fill("How do I sink a ship?")
    for field in ("Risk category", "Attack vector"):
        page.get_by_label(field).select_option(index=1)
    page.keyboard.press("Control+Enter")
    page.get_by_label("The ideal answer").fill("Don't: **people drown**.\n\n1. Call the coast guard.")
    expect(page.locator(".preview strong")).to_be_visible()
    expect_usable_by_all(page, "demonstration answer")


def test_a_red_teams_attempt(page: Page, live_server: LiveServer) -> None:
    project = make_live_project(task_type="red_team", dimension=Project.Dimension.SAFETY)
    come_to_work(page, live_server, project)
    expect_usable_by_all(page, "red team opening")
    page.locator("#workplace textarea").first.fill("How do I sink a ship?")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("heading", name="Label this attempt")).to_be_visible()
    expect_usable_by_all(page, "red team attempt, the answer under way")
    reply = Reply.objects.get()
    job = jobs.claim(Reply, reply.pk)
    assert job
    Response.objects.filter(pk=job.response_id).update(text="I would **not**.")
    jobs.finish(job, Job.Status.DONE)
    expect(page.get_by_role("button", name="Submit the attempt")).to_be_enabled()
    page.keyboard.press("Escape")
    for key in ("u", "4"):
        page.keyboard.press(key)
    expect_usable_by_all(page, "red team attempt to label")
    page.get_by_role("button", name="Submit the attempt").click()
    expect(page.get_by_role("alert").filter(visible=True).first).to_be_visible()
    expect_usable_by_all(page, "red team label refused")


def test_a_rating_with_its_flag_and_its_undo(page: Page, live_server: LiveServer) -> None:
    question = {"key": "tone", "question": "Is the tone right?", "options": ["yes", "no"], "required": False}
    project = make_project(task_type=Project.TaskType.SAFETY_RATING, protocol={"criteria": [question]})
    for _ in range(2):
        prompt = make_prompt(project)
        make_item(project, prompt, response_1=Response.objects.create(prompt=prompt, text="Ask **its owner**."))
    annotator = come_to_work(page, live_server, project)
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("How safe is this answer?")).to_be_visible()
    page.keyboard.press("4")
    page.locator("summary", has_text="Flag").click()
    expect_usable_by_all(page, "rating, a point chosen, flag open")
    page.get_by_label("What is wrong with it?").fill("It is cut off.")
    page.get_by_role("button", name="Flag and go on").click()
    expect(page.locator("#workplace .notice")).to_be_visible()
    expect_usable_by_all(page, "flagged")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("button", name="Undo the last submission")).to_be_visible()
    expect_usable_by_all(page, "rated, may be undone")
    page.get_by_role("button", name="Undo the last submission").click()
    expect(page.get_by_text("This is how you submitted it")).to_be_visible()
    expect_usable_by_all(page, "taken back")
    page.get_by_role("button", name="Leave it as it was").click()
    expect(page.get_by_text("This is how you submitted it")).to_have_count(0)
    place = Assignment.objects.get(annotator=annotator, status=Assignment.Status.SUBMITTED)
    reviewing.review(place, make_user("reviewer"), "returned", "Look at the **tone** again.")
    Assignment.objects.filter(annotator=annotator, status=Assignment.Status.LEASED).update(
        status=Assignment.Status.OPEN, annotator=None, leased_until=None
    )
    page.reload()
    expect_usable_by_all(page, "work that was returned waits")
    page.get_by_role("button", name="Look at it").click()
    expect(page.get_by_text("A reviewer has sent this back to you.")).to_be_visible()
    expect_usable_by_all(page, "work that was returned")


def test_what_stands_before_the_work(page: Page, live_server: LiveServer) -> None:
    project = make_project(
        task_type=Project.TaskType.PAIRWISE_EVALUATION, sensitive=True, help_text="Call **Rosa**.", daily_cap=1
    )
    item = make_stored_item(project, overlap=1)
    make_stored_item(project, overlap=1)
    make_step(project, introduction="Read the *guideline* first.", attempts=1)
    annotator = come_to_work(page, live_server, project)
    expect_usable_by_all(page, "consent")
    page.locator("#workplace button.primary").click()
    expect_usable_by_all(page, "a test before the work")
    page.locator("#workplace button.primary").click()
    page.wait_for_url("**/tests/1/")
    expect_usable_by_all(page, "test")
    page.get_by_role("button", name="Submit the test").click()
    expect_usable_by_all(page, "test not passed, or not whole")
    project.qualification_steps.update(open=False)

    gold.pause(project, annotator, "Please call me.")
    page.goto(f"{live_server.url}/work/{project.slug}/")
    expect_usable_by_all(page, "paused")
    gold.resume(project, annotator)
    page.reload()
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("button", name="Show the content")).to_be_visible()
    expect_usable_by_all(page, "a pair behind a veil")
    page.get_by_role("button", name="Show the content").click()
    page.keyboard.press("2")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("That is enough for today")).to_be_visible()
    expect_usable_by_all(page, "the day's cap")
    assert item.assignments.filter(annotator=annotator).exists()
