"""The quality of the work and the care for its people, each in a real browser: tests, consent, reviews, guidelines."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from annotation.models import (
    Adjudication,
    Assignment,
    GuidelineVersion,
    Preference,
    Project,
    QualificationAttempt,
    QualificationQuestion,
    QualificationStep,
)
from annotation.sides import as_settled
from tests.annotation.test_assigning_races import make_stored_item
from tests.factories import make_project, make_user
from tests.journeys.accessibility import enter_as
from webapp.accounts.models import User

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def quiet(page: Page) -> Iterator[None]:
    yield
    page.goto("about:blank")


@pytest.fixture
def anna() -> User:
    return make_user(username="anna")


def make_pairs(anna: User, count: int = 2, overlap: int = 1, **fields: object) -> Project:
    """A project of stored pairs that anna works in."""
    project = make_project(
        slug="pairs", name="Pairs", task_type=Project.TaskType.PAIRWISE_EVALUATION, overlap=overlap, **fields
    )
    for _ in range(count):
        make_stored_item(project, overlap=overlap)
    project.annotators.add(anna)
    return project


def judge(page: Page, points: str) -> None:
    expect(page.get_by_role("button", name="Submit")).to_be_enabled()
    page.keyboard.press(points)
    page.keyboard.press("Control+Enter")


def test_a_test_is_passed_before_the_work_opens(page: Page, live_server: LiveServer, anna: User) -> None:
    project = make_pairs(anna)
    step = QualificationStep.objects.create(project=project, number=1, title="Reading", pass_mark=1.0, retake_hours=0)
    QualificationQuestion.objects.create(
        step=step, number=1, text="Which one names a time?", answers=["It is blue.", "It sails at eight."], right=[1],
        explanation="Eight is a time.",
    )  # fmt: skip
    enter_as(page, anna, live_server.url)
    page.goto(f"{live_server.url}/work/pairs/")
    page.get_by_role("button", name="Begin the test").click()
    page.get_by_text("It is blue.").click()
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    page.reload()
    expect(page.get_by_label("It is blue.")).to_be_checked()
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("heading", name="Not passed")).to_be_visible()
    expect(page.get_by_text("Eight is a time.")).to_be_hidden()

    page.get_by_role("link", name="Go on").click()
    page.get_by_role("button", name="Begin the test").click()
    page.get_by_text("It sails at eight.").click()
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("heading", name="Passed", exact=True)).to_be_visible()
    expect(page.get_by_text("Eight is a time.")).to_be_visible()
    page.get_by_role("link", name="Go on").click()
    page.get_by_role("button", name="Start").click()
    expect(page.locator(".pair")).to_be_visible()
    assert list(QualificationAttempt.objects.order_by("number").values_list("passed", flat=True)) == [False, True]


def test_harmful_content_is_agreed_to_and_blurred_until_it_is_looked_at(
    page: Page, live_server: LiveServer, anna: User
) -> None:
    make_pairs(anna, sensitive=True, help_text="Call Rosa.")
    enter_as(page, anna, live_server.url)
    page.goto(f"{live_server.url}/work/pairs/")
    expect(page.get_by_text("Call Rosa.").first).to_be_visible()
    page.get_by_role("button", name="I am willing to work with it").click()
    page.get_by_role("button", name="Start").click()
    answer = page.locator("#answer-a")
    expect(answer).to_have_css("filter", "blur(9px)")
    page.keyboard.press("v")
    expect(answer).to_have_css("filter", "none")
    expect(page.get_by_role("button", name="Show the content")).to_be_hidden()
    judge(page, "2")
    expect(page.get_by_text("Item 2 of 2")).to_be_visible()
    expect(answer).to_have_css("filter", "blur(9px)")
    page.reload()
    page.get_by_role("button", name="I no longer want to work with this content").click()
    expect(page.get_by_text("You get no more work in Pairs")).to_be_visible()


def test_work_is_returned_revised_and_approved_by_keys(page: Page, live_server: LiveServer, anna: User) -> None:
    make_pairs(anna, count=1)
    enter_as(page, anna, live_server.url)
    page.goto(f"{live_server.url}/work/pairs/")
    page.get_by_role("button", name="Start").click()
    judge(page, "2")
    expect(page.get_by_text("You are done here.")).to_be_visible()
    place = Assignment.objects.get()

    rita = make_user("reviewer", username="rita")
    enter_as(page, rita, live_server.url)
    page.goto(f"{live_server.url}/projects/pairs/reviews/")
    page.get_by_role("link", name="Review the next one").click()
    expect(page.get_by_text("A better")).to_be_visible()
    page.keyboard.press("r")
    expect(page.get_by_text("Write a note")).to_be_visible()
    page.get_by_label("Note").fill("Look at the tide again.")
    page.get_by_role("button", name="Return with the note").click()
    expect(page.get_by_text(f"Work {place.pk} is returned.")).to_be_visible()

    enter_as(page, anna, live_server.url)
    page.goto(f"{live_server.url}/work/pairs/")
    page.get_by_role("button", name="Look at it").click()
    expect(page.get_by_text("Look at the tide again.")).to_be_visible()
    expect(page.get_by_role("radio", name="2: A better")).to_be_checked()
    judge(page, "6")
    expect(page.get_by_text("You are done here.")).to_be_visible()

    enter_as(page, rita, live_server.url)
    page.goto(f"{live_server.url}/projects/pairs/reviews/{place.pk}/")
    expect(page.get_by_text("revision 2")).to_be_visible()
    page.keyboard.press("a")
    expect(page.get_by_text("Nothing waits for a review.")).to_be_visible()
    said = Preference.objects.order_by("revision").values_list("points", "current")
    assert list(said) == [(2, False), (6, True)]


def test_a_disputed_item_is_settled(page: Page, live_server: LiveServer, anna: User) -> None:
    project = make_pairs(anna, count=1, overlap=2)
    ben = make_user(username="ben")
    project.annotators.add(ben)
    for person, of_first in ((anna, 1), (ben, 7)):
        enter_as(page, person, live_server.url)
        page.goto(f"{live_server.url}/work/pairs/")
        page.get_by_role("button", name="Start").click()
        expect(page.locator(".pair")).to_be_visible()
        place = Assignment.objects.get(annotator=person)
        is_left = place.comparisons.get().response_a_id == place.item.response_1_id
        judge(page, str(of_first if is_left else 8 - of_first))
        expect(page.get_by_text("You are done here.")).to_be_visible()
    enter_as(page, make_user("reviewer"), live_server.url)
    page.goto(f"{live_server.url}/projects/pairs/reviews/")
    expect(page.get_by_text("disagreement 100 %").first).to_be_visible()
    page.get_by_role("link", name="Settle 1 disputed item").click()
    page.get_by_role("table").get_by_role("link").click()
    page.get_by_label("1: A much better").check()
    page.get_by_role("button", name="Settle").click()
    expect(page.get_by_text("Nothing is disputed.")).to_be_visible()
    settled = Adjudication.objects.get()
    shown_as_a = as_settled(settled.item)[0]  # drawn for each item
    assert settled.preferred == shown_as_a
    assert settled.points == (1 if shown_as_a == settled.item.response_1 else 7)
    assert Preference.objects.filter(current=True).count() == 2


def test_a_new_guideline_is_announced_and_older_work_asked_for_again(
    page: Page, live_server: LiveServer, anna: User
) -> None:
    project = make_pairs(anna, count=1)
    GuidelineVersion.objects.create(project=project, number=1, text="Be fair.")
    enter_as(page, anna, live_server.url)
    page.goto(f"{live_server.url}/work/pairs/")
    page.get_by_role("button", name="I have read it").click()
    expect(page.get_by_role("button", name="I have read it")).to_be_hidden()
    page.get_by_role("button", name="Start").click()
    judge(page, "2")
    expect(page.get_by_text("You are done here.")).to_be_visible()

    enter_as(page, make_user("manager"), live_server.url)
    page.goto(f"{live_server.url}/projects/pairs/settings/#guideline")
    page.get_by_label("Guideline", exact=True).fill("Be very fair.")
    page.get_by_label("What is new").fill("Fairer.")
    page.get_by_role("button", name="Publish version 2").click()
    page.goto(f"{live_server.url}/projects/pairs/guideline/")
    expect(page.locator("ins")).to_contain_text("very")
    page.get_by_label("Note to the annotators").fill("Please read rule 1.")
    page.get_by_role("button", name="Ask for it again").click()
    expect(page.get_by_text("1 piece of work went back to its annotator.")).to_be_visible()

    enter_as(page, anna, live_server.url)
    page.goto(f"{live_server.url}/work/pairs/")
    expect(page.get_by_text("The guideline has changed: version 2")).to_be_visible()
    page.get_by_role("button", name="I have read it").click()
    expect(page.get_by_role("button", name="I have read it")).to_be_hidden()
    page.get_by_role("button", name="Look at it").click()
    expect(page.get_by_text("Please read rule 1.")).to_be_visible()
    judge(page, "3")
    expect(page.get_by_text("You are done here.")).to_be_visible()
    current = Preference.objects.get(current=True)
    assert current.guideline is not None
    assert (current.points, current.revision, current.guideline.number) == (3, 2, 2)
