"""A session belongs to who signed in, lasts while they work, and ends when it should; signing in leads back."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tests.factories import make_user
from webapp.accounts.models import User

pytestmark = pytest.mark.django_db


def sign_in(client: Client, wanted: str = "", **fields: Any) -> Any:
    return client.post("/sign-in/", {"username": "anna", "password": "correct horse", "next": wanted, **fields})


@pytest.fixture
def anna() -> User:
    return make_user("manager", username="anna")


def test_an_expired_session_comes_back_to_the_same_page(client: Client, anna: User) -> None:
    asked = client.get("/people/?show=all&role=owner")
    assert asked["Location"] == "/sign-in/?next=/people/%3Fshow%3Dall%26role%3Downer"
    page = client.get(asked["Location"])
    assert 'name="next" value="/people/?show=all&amp;role=owner"' in page.text
    assert sign_in(client, "/people/?show=all&role=owner")["Location"] == "/people/?show=all&role=owner"
    assert client.get(asked["Location"])["Location"] == "/people/?show=all&role=owner"  # signed in already


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "///evil.example",
        "javascript:alert(1)",
        "\thttp://x",
    ],
)
def test_it_leads_to_no_other_site(client: Client, anna: User, elsewhere: str) -> None:
    assert sign_in(client, elsewhere)["Location"] == "/"
    assert client.get("/sign-in/", {"next": elsewhere})["Location"] == "/"
    staff = make_user("owner", is_staff=True)
    client.logout()
    assert client.get("/admin/login/", {"next": elsewhere})["Location"].startswith("/sign-in/?next=")
    assert staff.is_staff


def test_signing_in_changes_the_session_key(client: Client, anna: User) -> None:
    session = client.session
    session["planted"] = True
    session.save()
    before = session.session_key
    sign_in(client)
    assert client.cookies["sessionid"].value != before
    stale = Client()
    stale.cookies["sessionid"] = str(before)
    assert stale.get("/account/").status_code == 302


def test_the_cookie_is_out_of_reach_of_scripts_and_lasts_a_day_of_work(client: Client, anna: User) -> None:
    cookie = sign_in(client).cookies["sessionid"]
    assert cookie["httponly"] and cookie["samesite"] == "Lax"
    assert cookie["max-age"] == 12 * 3600


def test_whoever_is_at_work_stays_signed_in_and_is_seen(client: Client, anna: User) -> None:
    sign_in(client)
    client.get("/account/")
    anna.refresh_from_db()
    seen = anna.last_seen
    assert seen is not None and timezone.now() - seen < timedelta(seconds=30)
    assert "sessionid" not in client.get("/account/").cookies  # nothing is written at each request
    User.objects.update(last_seen=seen - timedelta(minutes=6))
    assert client.get("/account/").cookies["sessionid"]["max-age"] == 12 * 3600
    anna.refresh_from_db()
    assert anna.last_seen is not None and anna.last_seen >= seen


def test_a_request_without_a_session_is_nobodys(client: Client, anna: User) -> None:
    client.get("/health/")
    client.get("/sign-in/")
    anna.refresh_from_db()
    assert anna.last_seen is None


def test_signing_out_elsewhere_keeps_this_browser_alone(client: Client, anna: User) -> None:
    other = Client()
    sign_in(other)
    sign_in(client)
    assert client.post("/account/sign-out-elsewhere/")["Location"] == "/account/"
    assert client.get("/account/").status_code == 200
    assert other.get("/account/").status_code == 302


def test_a_session_from_before_this_version_stays_good(client: Client, anna: User) -> None:
    from django.contrib.auth.models import AbstractUser

    assert anna.get_session_auth_hash() == AbstractUser.get_session_auth_hash(anna)


def test_signing_out_ends_the_session_and_needs_a_form(client: Client, anna: User) -> None:
    sign_in(client)
    assert client.get("/sign-out/").status_code == 405
    assert client.get("/account/").status_code == 200
    assert client.post("/sign-out/")["Location"] == "/sign-in/"
    assert client.get("/account/").status_code == 302


def test_somebody_without_the_right_stays_out_of_the_admin_without_going_in_circles(client: Client) -> None:
    client.force_login(make_user("annotator"))
    answer = client.get("/admin/", follow=True)
    assert answer.status_code == 403
