"""How people come in, and how they are shown out, in a real browser."""

from collections.abc import Iterator

import pytest
from django.conf import LazySettings
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from tests.factories import make_project, make_user
from tests.journeys.accessibility import enter_as, expect_usable_by_all
from tests.webapp.identity_provider import CLIENT_ID, CLIENT_SECRET, IdentityProvider
from webapp.accounts.models import User
from webapp.accounts.roles import roles_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def pollers_stop_before_the_database_goes(page: Page) -> Iterator[None]:
    yield
    page.goto("about:blank")


@pytest.fixture
def provider(settings: LazySettings) -> Iterator[IdentityProvider]:
    running = IdentityProvider()
    settings.OIDC_ISSUER, settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET = (
        running.issuer,
        CLIENT_ID,
        CLIENT_SECRET,
    )
    settings.OIDC_NAME, settings.OIDC_DEFAULT_ROLE = "Example Login", "annotator"
    yield running
    running.stop()


def sign_in(page: Page, name: str, password: str = "correct horse") -> None:
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def test_from_an_invitation_to_the_first_work_and_out_again(
    page: Page, browser: Browser, live_server: LiveServer
) -> None:
    make_project(name="Harbour guide", slug="harbour")
    enter_as(page, make_user("manager", username="mia"), live_server.url)
    page.goto(f"{live_server.url}/people/")
    expect_usable_by_all(page, "people")
    page.get_by_role("link", name="Invite").click()
    expect_usable_by_all(page, "invite")
    page.get_by_label("Harbour guide").check()
    page.get_by_role("button", name="Make the invitation").click()
    expect_usable_by_all(page, "invited")
    link = page.get_by_label("Link").input_value()

    phone = browser.new_context(viewport={"width": 390, "height": 844}).new_page()
    phone.goto(link)
    expect_usable_by_all(phone, "join")
    phone.get_by_label("User name").fill("anna")
    phone.get_by_label("Password", exact=True).fill("harbour lights 7")
    phone.get_by_label("Password confirmation").fill("harbour lights 8")
    phone.get_by_role("button", name="Open my account").click()
    expect(phone.get_by_role("alert")).to_be_visible()
    expect(phone.get_by_label("User name")).to_have_value("anna")
    phone.get_by_label("Password", exact=True).fill("harbour lights 7")
    phone.get_by_label("Password confirmation").fill("harbour lights 7")
    phone.get_by_role("button", name="Open my account").click()
    expect(phone).to_have_url(f"{live_server.url}/work/harbour/")

    page.goto(f"{live_server.url}/people/")
    expect(page.get_by_text("Invitations that wait")).to_have_count(0)
    page.get_by_role("link", name="anna").click()
    expect(page.get_by_text("Harbour guide")).to_be_visible()
    expect_usable_by_all(page, "a person")
    page.get_by_role("button", name="Deactivate").click()
    expect(page.get_by_role("button", name="Reactivate")).to_be_visible()
    phone.goto(f"{live_server.url}/account/")
    expect(phone).to_have_url(f"{live_server.url}/sign-in/?next=/account/")
    sign_in(phone, "anna", "harbour lights 7")
    expect(phone.get_by_role("alert")).to_be_visible()
    phone.goto("about:blank")
    phone.context.close()


def test_a_forgotten_password_is_mended_by_a_link_that_is_handed_over(
    page: Page, browser: Browser, live_server: LiveServer
) -> None:
    anna = make_user(username="anna")
    theirs = browser.new_context().new_page()
    theirs.goto(f"{live_server.url}/account/")
    for _ in range(5):
        sign_in(theirs, "anna", "a guess")
    expect(theirs.get_by_role("alert")).to_contain_text("Wait 15 minutes")
    expect_usable_by_all(theirs, "wait")
    theirs.get_by_role("link", name="Forgot your password?").click()
    expect(theirs.get_by_text("Ask a manager")).to_be_visible()

    enter_as(page, make_user("manager"), live_server.url)
    page.goto(f"{live_server.url}/people/{anna.pk}/")
    page.get_by_role("button", name="Make a link").click()
    theirs.goto(page.get_by_label("Link", exact=True).input_value())
    expect_usable_by_all(theirs, "new password")
    theirs.get_by_label("New password", exact=True).fill("harbour lights 7")
    theirs.get_by_label("New password confirmation").fill("harbour lights 7")
    theirs.get_by_role("button", name="Set the password").click()
    theirs.get_by_role("link", name="Sign in").click()
    sign_in(theirs, "anna", "harbour lights 7")
    expect(theirs.get_by_role("heading", name="Your work")).to_be_visible()
    theirs.goto("about:blank")
    theirs.context.close()


def test_single_sign_on_leads_to_the_page_that_was_asked_for(
    page: Page, live_server: LiveServer, provider: IdentityProvider
) -> None:
    page.goto(f"{live_server.url}/account/")
    page.get_by_role("link", name="Sign in with Example Login").click()
    expect(page).to_have_url(f"{live_server.url}/account/")
    person = User.objects.get()
    assert (person.email, roles_of(person)) == ("anna@example.org", ["annotator"])
    expect(page.get_by_text("Connected: you may sign in by it.")).to_be_visible()
    expect_usable_by_all(page, "account")


def test_an_account_that_is_here_already_is_connected_by_its_password(
    page: Page, live_server: LiveServer, provider: IdentityProvider
) -> None:
    anna = make_user("manager", username="anna", email="anna@example.org")
    page.goto(f"{live_server.url}/people/?show=all")
    page.get_by_role("link", name="Sign in with Example Login").click()
    expect(page.get_by_role("heading", name="Is this account yours?")).to_be_visible()
    expect_usable_by_all(page, "connect")
    page.get_by_label("Username").fill("anna")
    page.get_by_label("Password").fill("correct horse")
    page.get_by_role("button", name="Connect and sign in").click()
    expect(page).to_have_url(f"{live_server.url}/people/?show=all")
    assert anna.identities.get().subject == "1001"
