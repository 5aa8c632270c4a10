"""An invitation makes the account that it was made for, as often as it was made for, and nothing above its maker."""

import re
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.utils import timezone

from tests.factories import make_project, make_user
from webapp.accounts.inviting import digest_of, find, invite
from webapp.accounts.models import Invitation, User
from webapp.accounts.roles import roles_of

pytestmark = pytest.mark.django_db
PASSWORDS = {"password1": "harbour lights 7", "password2": "harbour lights 7"}


def asked(**fields: Any) -> dict[str, Any]:
    return {"role": "annotator", "days": 7, "most_uses": 1, **fields}


def made_by(maker: str, **fields: Any) -> str:
    """The path of an invitation that somebody of this role makes on the page."""
    client = Client()
    client.force_login(make_user(maker))
    page = client.post("/people/invite/", asked(**fields))
    assert page.status_code == 200, page
    return str(page.context["link"]).removeprefix("http://testserver")


def opened(link: str, name: str = "newcomer", **fields: Any) -> tuple[Client, Any]:
    client = Client()
    return client, client.post(link, {"username": name, **PASSWORDS, **fields})


def test_whoever_opens_it_lands_in_their_work(client: Client) -> None:
    project = make_project(slug="harbour")
    link = made_by("manager", projects=[project.pk])
    page = client.get(link)
    assert "Harbour" in page.text and "annotator" in page.text
    visitor, answer = opened(link, email="new@example.org")
    assert answer["Location"] == "/work/harbour/"
    assert visitor.get("/work/harbour/").status_code == 200
    person = User.objects.get(username="newcomer")
    assert (person.email, roles_of(person), list(project.annotators.all())) == (
        "new@example.org", ["annotator"], [person],
    )  # fmt: skip
    assert person.invitation == Invitation.objects.get()
    assert person.check_password("harbour lights 7")


def test_its_token_is_kept_as_a_digest_alone() -> None:
    token = made_by("owner").split("/")[2]
    row = str(Invitation.objects.values().get())
    assert len(token) >= 32
    assert token not in row and digest_of(token) in row


def test_it_works_once_or_as_often_as_it_says() -> None:
    once, thrice = made_by("manager"), made_by("manager", most_uses=3)
    assert [opened(once, f"a{number}")[1].status_code for number in range(3)] == [302, 410, 410]
    assert [opened(thrice, f"b{number}")[1].status_code for number in range(5)] == [302] * 3 + [410] * 2
    assert User.objects.filter(username__startswith="a").count() == 1
    assert "used already" in Client().get(once).text


@pytest.mark.django_db(transaction=True)
def test_of_many_who_come_at_once_for_the_last_use_one_comes_in() -> None:
    link, barrier, statuses = made_by("manager", most_uses=2), threading.Barrier(6), []

    def come(number: int) -> None:
        barrier.wait()
        statuses.append(opened(link, f"late{number}")[1].status_code)
        connection.close()

    threads = [threading.Thread(target=come, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [302] * 2 + [410] * 4
    assert User.objects.filter(username__startswith="late").count() == 2
    assert Invitation.objects.get().uses == 2


def test_expired_revoked_and_unknown_ones_say_so(client: Client) -> None:
    link = made_by("manager")
    Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert client.get(link).status_code == 410 and "has expired" in client.get(link).text
    other = made_by("manager")
    manager = make_user("manager")
    client.force_login(manager)
    row = Invitation.objects.get(digest=digest_of(other.split("/")[2]))
    assert "annotator" in client.get("/people/").text
    client.post(f"/people/invitations/{row.pk}/revoke/")
    assert client.get("/people/").context["invitations"] == []
    visitor, answer = opened(other)
    assert answer.status_code == 410 and "was withdrawn" in answer.text
    assert visitor.get("/join/made-up/").status_code == 410
    assert not User.objects.filter(username="newcomer").exists()


@pytest.mark.parametrize(
    ("actor", "role", "allowed"),
    [
        ("owner", "owner", True),
        ("owner", "annotator", True),
        ("manager", "manager", True),
        ("manager", "reviewer", True),
        ("manager", "owner", False),
        ("manager", "superuser", False),
    ],
)
def test_nobody_invites_above_themselves(client: Client, actor: str, role: str, allowed: bool) -> None:
    client.force_login(make_user(actor))
    page = client.post("/people/invite/", asked(role=role))
    assert Invitation.objects.exists() == allowed
    assert ("link" in page.context) == allowed
    if not allowed:
        with pytest.raises(ValueError, match="role must be one of manager, reviewer, annotator"):
            invite(make_user(actor), role, [])


@pytest.mark.parametrize("loss", ["deactivated", "demoted"])
def test_it_ends_with_the_power_of_whoever_made_it(client: Client, loss: str) -> None:
    link = made_by("manager", role="manager")
    maker = Invitation.objects.get().created_by
    if loss == "deactivated":
        maker.is_active = False
        maker.save()
    else:
        maker.groups.clear()
    assert client.get(link).status_code == 410
    assert opened(link)[1].status_code == 410
    assert not User.objects.filter(username="newcomer").exists()


def test_a_manager_does_not_withdraw_an_owners_invitation_of_an_owner(client: Client) -> None:
    made_by("owner", role="owner")
    client.force_login(make_user("manager"))
    assert client.post(f"/people/invitations/{Invitation.objects.get().pk}/revoke/").status_code == 403
    assert Invitation.objects.get().revoked_at is None


def test_one_by_e_mail_is_sent_and_brings_the_address_along(client: Client, settings: Any) -> None:
    settings.SENDS_EMAIL = True
    link = made_by("manager", email="new@example.org", projects=[make_project(name="Harbour").pk])
    (letter,) = mail.outbox
    assert letter.to == ["new@example.org"]
    assert f"http://testserver{link}" in letter.body and "Harbour" in letter.body
    assert "email" not in client.get(link).context["form"].fields
    opened(link, email="mine@example.net")
    assert User.objects.get(username="newcomer").email == "new@example.org"


def test_without_a_mail_server_the_page_says_that_nothing_was_sent(client: Client) -> None:
    client.force_login(make_user("manager"))
    assert "sends no e-mail" in client.get("/people/invite/").text
    page = client.post("/people/invite/", asked(email="new@example.org"))
    assert "Nothing was sent" in page.text
    assert re.search(r"/join/[\w-]{32}/", page.text)
    assert mail.outbox == []


def test_a_mail_that_can_not_be_sent_is_not_said_to_be_sent(client: Client, settings: Any) -> None:
    settings.SENDS_EMAIL = True
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9  # nobody listens there
    client.force_login(make_user("manager"))
    page = client.post("/people/invite/", asked(email="new@example.org"))
    assert "could not be sent" in page.text
    assert Invitation.objects.get().state == "pending"


def test_mistakes_are_named_and_cost_no_use() -> None:
    make_user(username="Taken", email="taken@example.org")
    link = made_by("manager")
    taken = opened(link, "taken")[1]
    assert "The name taken is taken" in taken.text
    assert "Another account has the address" in opened(link, email="Taken@example.org")[1].text
    assert "too common" in opened(link, password1="password", password2="password")[1].text
    assert Invitation.objects.get().uses == 0
    assert opened(link)[1].status_code == 302


def test_an_invitation_is_checked_before_it_is_made(client: Client) -> None:
    make_user(username="anna", email="anna@example.org")
    client.force_login(make_user("manager"))
    mistakes: list[tuple[dict[str, Any], str]] = [
        ({"email": "Anna@Example.org"}, "anna has this address already"),
        ({"email": "new@example.org", "most_uses": 2}, "for one person"),
        ({"days": 0}, "greater than or equal to 1"),
        ({"days": 91}, "less than or equal to 90"),
        ({"most_uses": 501}, "less than or equal to 500"),
    ]
    for wrong, words in mistakes:
        assert words in client.post("/people/invite/", asked(**wrong)).text, wrong
    assert not Invitation.objects.exists()


def test_somebody_with_an_account_joins_the_projects_and_keeps_their_role(client: Client) -> None:
    project = make_project(slug="harbour")
    person = make_user("annotator")
    client.force_login(person)
    link = made_by("owner", role="manager", projects=[project.pk])
    assert "Your role stays" in client.get(link).text
    assert client.post(link)["Location"] == "/work/harbour/"
    assert roles_of(person) == ["annotator"]
    assert project.annotators.get() == person
    assert Invitation.objects.get().uses == 1


def test_one_that_was_sent_to_somebody_else_is_not_used_up_by_who_is_signed_in(client: Client) -> None:
    project = make_project()
    client.force_login(make_user(email="other@example.org"))
    link = made_by("manager", email="new@example.org", projects=[project.pk])
    assert "somebody with another address" in client.post(link).text
    assert not project.annotators.exists()
    assert Invitation.objects.get().uses == 0


def test_a_closed_project_is_not_joined() -> None:
    project = make_project()
    link = made_by("manager", projects=[project.pk])
    project.archived_at = timezone.now()
    project.save()
    assert opened(link)[1]["Location"] == "/"
    assert not project.annotators.exists()


def test_a_token_is_not_found_by_its_digest() -> None:
    token = made_by("manager").split("/")[2]
    assert find(token) is not None
    assert find(digest_of(token)) is None
