"""Languages that are written from right to left: in the interface, and in what people and models write."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

from annotation.models import Comparison, Project, Prompt, Response
from tests.annotation.test_assigning_races import make_stored_item
from tests.factories import make_project, make_user
from tests.journeys.accessibility import enter_as, expect_usable_by_all, keep_a_picture

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
QUESTION = "لماذا ماء البحر مالح؟"
ARABIC = "الملح يأتي من **الأنهار**.\n\nThis paragraph is English.\n\n```\nsalt = river + sun\n```"


@pytest.fixture(autouse=True)
def pollers_stop_before_the_database_goes(page: Page) -> Iterator[None]:
    yield
    page.goto("about:blank")


@pytest.fixture
def project(page: Page, live_server: LiveServer) -> Project:
    """One Arabic answer and one English one to compare, and somebody who has come to do so."""
    project = make_project(task_type=Project.TaskType.PAIRWISE_EVALUATION)
    project.guidelines.create(number=1, text="# الإرشادات\n\nكن منصفًا.")
    for _ in range(2):
        make_stored_item(project, overlap=1)
    Prompt.objects.update(messages=[{"role": "user", "content": QUESTION}])
    for item in project.items.all():
        for response, text in ((item.response_1, ARABIC), (item.response_2, "The rivers bring it.")):
            assert response
            Response.objects.filter(pk=response.pk).update(text=text)
    project.annotators.add(annotator := make_user())
    enter_as(page, annotator, live_server.url)
    return project


def direction(place: Locator) -> str:
    """Where the text's lines begin: its own letters decide, not the page around it."""
    return str(
        place.evaluate(
            """(element) => {
                const range = document.createRange();
                range.selectNodeContents(element);
                const [text, box] = [range.getBoundingClientRect(), element.getBoundingClientRect()];
                return text.left - box.left < box.right - text.right ? "ltr" : "rtl";
            }"""
        )
    )


def test_what_is_written_runs_as_its_own_letters_say(page: Page, live_server: LiveServer, project: Project) -> None:
    page.goto(f"{live_server.url}/work/{project.slug}/")
    page.get_by_role("button", name="Start").click()
    expect(page.locator(".pair")).to_be_visible()
    comparison = Comparison.objects.get()
    assert comparison.response_a
    arabic, english = ("a", "b") if comparison.response_a.text == ARABIC else ("b", "a")
    assert direction(page.locator(".asked .plain")) == "rtl"
    assert direction(page.locator(f"#answer-{arabic} p").first) == "rtl"
    assert direction(page.locator(f"#answer-{arabic} p").nth(1)) == "ltr"
    assert direction(page.locator(f"#answer-{arabic} pre")) == "ltr"
    assert direction(page.locator(f"#answer-{english} p")) == "ltr"
    assert direction(page.locator(".guideline .prose p")) == "rtl"
    keep_a_picture(page, "Arabic answers in the English interface")


def test_the_whole_page_is_mirrored_and_the_keys_with_it(page: Page, live_server: LiveServer, project: Project) -> None:
    page.goto(f"{live_server.url}/work/")
    page.get_by_role("button", name="العربيّة").click()
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    expect_usable_by_all(page, "work list in Arabic")
    page.goto(f"{live_server.url}/work/{project.slug}/")
    page.wait_for_load_state("load")  # the scripts listen from here on
    page.keyboard.press("Control+Enter")
    expect(page.locator(".pair")).to_be_visible()
    expect_usable_by_all(page, "stored pair in Arabic")

    left_of = "(a) => a.getBoundingClientRect().left"
    side_a, side_b = page.locator("#side-a"), page.locator("#side-b")
    assert side_a.evaluate(left_of) > side_b.evaluate(left_of)  # A stands where reading begins
    first, last = page.locator(".point").first, page.locator(".point").last
    assert first.evaluate(left_of) > last.evaluate(left_of)
    page.keyboard.press("ArrowLeft")
    expect(side_b).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(side_a).to_be_focused()
    page.keyboard.press("?")
    expect_usable_by_all(page, "keys in Arabic")
    page.keyboard.press("Escape")
    page.keyboard.press("3")
    page.keyboard.press("Control+Enter")
    expect(page.locator("progress")).to_have_attribute("value", "1")
