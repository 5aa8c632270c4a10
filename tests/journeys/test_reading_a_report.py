"""Reading a campaign's report in a real browser: figures told by keyboard, put in order, counted by another rule."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from tests.evaluation.reports.judged import judged_campaign
from tests.factories import make_user
from tests.journeys.accessibility import enter_as, expect_usable_by_all

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def quiet(page: Page) -> Iterator[None]:
    yield
    page.goto("about:blank")


def test_figures_are_told_by_keyboard_ordered_and_counted_by_another_rule(page: Page, live_server: LiveServer) -> None:
    judged_campaign()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    enter_as(page, make_user("manager"), live_server.url)
    page.goto(f"{live_server.url}/campaigns/spring/report/")
    section, tip = page.locator("#pairs"), page.get_by_role("tooltip")
    shown = section.locator("table.plot:visible")
    expect(shown).to_have_count(1)

    marks = shown.locator("[data-tip]")
    marks.first.focus()
    expect(tip).to_contain_text("Win rate")
    told = tip.inner_text()
    page.keyboard.press("ArrowDown")
    expect(marks.nth(1)).to_be_focused()
    expect(tip).to_contain_text("Win rate")
    assert tip.inner_text() != told
    page.keyboard.press("Escape")
    expect(tip).to_be_hidden()

    section.locator(".sorting:visible select").select_option("value")
    values = [float(str(row.get_attribute("data-value"))) for row in shown.locator("tbody tr").all()]
    assert len(values) == 3
    assert values == sorted(values, reverse=True)

    section.get_by_role("radio").nth(2).check()
    expect(shown).to_have_count(1)
    expect(section.locator("[data-rule=vote]")).to_be_visible()
    expect(section.locator("[data-rule=majority]")).to_be_hidden()
    assert errors == []
    expect_usable_by_all(page, "report")
