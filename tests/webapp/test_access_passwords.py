"""Forgotten passwords are mended by e-mail, or by a manager's link; one's own account is one's own."""

import re
from typing import Any

import pytest
from django.core import mail
from django.core.cache import cache
from django.test import Client

from tests.factories import make_user
from webapp.accounts.models import User

pytestmark = pytest.mark.django_db
NEW = "harbour lights 7"


@pytest.fixture(autouse=True)
def _no_mail_was_sent_before() -> None:
    cache.clear()


def test_a_mail_leads_to_a_new_password_and_ends_the_old_sessions(client: Client, settings: Any) -> None:
    settings.SENDS_EMAIL = True
    anna = make_user(username="anna", email="anna@example.org")
    old = Client()
    old.force_login(anna)
    assert client.post("/password/forgotten/", {"email": "Anna@example.org"})["Location"] == "/password/forgotten/sent/"
    (letter,) = mail.outbox
    assert letter.subject == "Your password at Plumbline"
    (link,) = re.findall(r"http://testserver(/password/new/\S+)", str(letter.body))
    form = client.get(link, follow=True)
    done = client.post(form.redirect_chain[-1][0], {"new_password1": NEW, "new_password2": NEW})
    assert done["Location"] == "/password/new/done/"
    assert old.get("/account/").status_code == 302
    assert Client().post("/sign-in/", {"username": "anna", "password": NEW}).status_code == 302
    assert "does not work" in Client().get(link, follow=True).text


def test_nobody_learns_whether_an_address_has_an_account(client: Client, settings: Any) -> None:
    settings.SENDS_EMAIL = True
    make_user(email="anna@example.org")
    known = client.post("/password/forgotten/", {"email": "anna@example.org"}, follow=True)
    unknown = client.post("/password/forgotten/", {"email": "nobody@example.org"}, follow=True)
    blank = re.compile(r'name="csrfmiddlewaretoken" value="\w+"')
    assert blank.sub("", known.text) == blank.sub("", unknown.text)
    assert len(mail.outbox) == 1


def test_nobodys_mailbox_is_filled(client: Client, settings: Any) -> None:
    settings.SENDS_EMAIL = True
    make_user(email="anna@example.org")
    for _ in range(4):
        client.post("/password/forgotten/", {"email": "anna@example.org"})
    assert len(mail.outbox) == 1


def test_without_mail_it_says_whom_to_ask(client: Client) -> None:
    assert "/password/forgotten/" in client.get("/sign-in/").text
    assert "Ask a manager" in client.get("/password/forgotten/").text
    assert "Ask a manager" in client.post("/password/forgotten/", {"email": "anna@example.org"}).text
    assert mail.outbox == []


def test_a_new_password_ends_the_wait_of_failed_attempts(client: Client, settings: Any) -> None:
    settings.SENDS_EMAIL = True
    make_user(username="anna", email="anna@example.org")
    for _ in range(5):
        client.post("/sign-in/", {"username": "anna", "password": "a guess"})
    client.post("/password/forgotten/", {"email": "anna@example.org"})
    (link,) = re.findall(r"http://testserver(/password/new/\S+)", str(mail.outbox[0].body))
    form = client.get(link, follow=True)
    client.post(form.redirect_chain[-1][0], {"new_password1": NEW, "new_password2": NEW})
    assert client.post("/sign-in/", {"username": "anna", "password": NEW}).status_code == 302


@pytest.fixture
def anna(client: Client) -> User:
    person = make_user(username="anna", email="anna@example.org")
    client.force_login(person)
    return person


def test_one_changes_ones_own_name_freely_and_the_address_with_the_password(client: Client, anna: User) -> None:
    fields = {"first_name": "Anna", "last_name": "Berg", "email": "anna@example.org"}
    assert client.post("/account/", fields).status_code == 302
    fields["email"] = "berg@example.org"
    assert "Give your current password" in client.post("/account/", fields).text
    assert "Give your current password" in client.post("/account/", fields | {"password": "a guess"}).text
    anna.refresh_from_db()
    assert (anna.get_full_name(), anna.email) == ("Anna Berg", "anna@example.org")
    client.post("/account/", fields | {"password": "correct horse"})
    anna.refresh_from_db()
    assert anna.email == "berg@example.org"


def test_an_address_belongs_to_one_account(client: Client, anna: User) -> None:
    make_user(email="ben@example.org")
    fields = {"email": "Ben@example.org", "password": "correct horse"}
    assert "Another account has the address" in client.post("/account/", fields).text


def test_nobody_changes_more_of_their_account_than_the_page_offers(client: Client, anna: User) -> None:
    more = {"email": anna.email, "is_superuser": "on", "is_staff": "on", "username": "root", "groups": "1"}
    client.post("/account/", more)
    anna.refresh_from_db()
    assert (anna.is_superuser, anna.is_staff, anna.username) == (False, False, "anna")
    assert [group.name for group in anna.groups.all()] == ["annotator"]


def test_a_changed_password_signs_out_the_other_browsers(client: Client, anna: User) -> None:
    other = Client()
    other.force_login(anna)
    wrong = client.post("/account/password/", {"old_password": "a guess", "new_password1": NEW, "new_password2": NEW})
    assert wrong.status_code == 200
    right = {"old_password": "correct horse", "new_password1": NEW, "new_password2": NEW}
    assert client.post("/account/password/", right)["Location"] == "/account/"
    assert client.get("/account/").status_code == 200
    assert other.get("/account/").status_code == 302


def test_somebody_who_came_by_single_sign_on_has_no_password_to_change(client: Client, anna: User) -> None:
    anna.set_unusable_password()
    anna.save()
    client.force_login(anna)
    page = client.get("/account/").text
    assert "/account/password/" not in page
    client.post("/account/", {"first_name": "A", "email": "other@example.org"})
    anna.refresh_from_db()
    assert (anna.first_name, anna.email) == ("A", "anna@example.org")
