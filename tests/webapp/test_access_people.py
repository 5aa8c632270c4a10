"""The page of people: managers see everybody and change whom they may, and nobody rises by it."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.utils import timezone
from rest_framework.authtoken.models import Token

from tests.factories import make_project, make_user
from webapp.accounts.models import User
from webapp.accounts.roles import GRANTS, permissions_of, roles_of

pytestmark = pytest.mark.django_db
CHANGES = {"role": {"role": "annotator"}, "deactivate": {}, "reactivate": {}, "reset-link": {}, "end-wait": {}}


@pytest.fixture
def manager(client: Client) -> User:
    person = make_user("manager", username="mia")
    client.force_login(person)
    return person


def names(page: Any) -> list[str]:
    return [person.username for person in page.context["page"]]


def test_it_lists_people_with_their_role_projects_and_when_they_were_here(client: Client, manager: User) -> None:
    anna = make_user(username="anna", email="anna@example.org", last_seen=timezone.now() - timedelta(hours=3))
    for name in ("Alpha", "Beta", "Delta", "Gamma"):
        make_project(name=name).annotators.add(anna)
    make_project(name="Closed", archived_at=timezone.now()).annotators.add(anna)
    page = " ".join(client.get("/people/").text.split())
    for words in ("anna@example.org", "Alpha, Beta, Delta and 1 more", "3 hours ago", ">never<"):
        assert words in page
    assert "Closed" not in page


def test_it_is_filtered(client: Client, manager: User) -> None:
    make_user(username="anna", email="anna@example.org")
    make_user("reviewer", username="ben", last_name="Berg")
    make_user(username="gone", is_active=False)
    User.objects.create_superuser("root")
    assert names(client.get("/people/")) == ["anna", "ben", "mia", "root"]
    assert names(client.get("/people/", {"show": "inactive"})) == ["gone"]
    assert names(client.get("/people/", {"show": "all", "role": "annotator"})) == ["anna", "gone"]
    assert names(client.get("/people/", {"q": "EXAMPLE"})) == ["anna"]
    assert names(client.get("/people/", {"q": "berg"})) == ["ben"]
    assert names(client.get("/people/", {"role": "owner"})) == ["root"]
    assert "Nobody here is like that" in client.get("/people/", {"q": "zzz"}).text


def test_many_people_take_few_queries(client: Client, manager: User, django_assert_max_num_queries: Any) -> None:
    project = make_project()
    for _ in range(60):
        project.annotators.add(make_user())
    with django_assert_max_num_queries(14):
        assert len(names(client.get("/people/"))) == 50
    assert len(names(client.get("/people/", {"page": 2}))) == 11


def test_a_manager_changes_a_role(client: Client, manager: User) -> None:
    anna = make_user(username="anna")
    client.post(f"/people/{anna.pk}/role/", {"role": "reviewer"})
    assert roles_of(anna) == ["reviewer"]
    assert "mia: Role changed to reviewer." in client.get(f"/people/{anna.pk}/").text
    assert LogEntry.objects.get().user == manager


def test_a_manager_makes_nobody_an_owner(client: Client, manager: User) -> None:
    anna = make_user(username="anna")
    page = client.post(f"/people/{anna.pk}/role/", {"role": "owner"}, follow=True)
    assert "owner is not one of the available choices" in page.text
    assert roles_of(anna) == ["annotator"]
    assert "owner" not in dict(page.context["role_form"].fields["role"].choices)


@pytest.mark.parametrize("what", CHANGES)
def test_a_manager_touches_no_owner_and_nobody_themselves(client: Client, manager: User, what: str) -> None:
    for person in (make_user("owner"), User.objects.create_superuser("root"), manager):
        before = User.objects.filter(pk=person.pk).values().get(), roles_of(person)
        answer = client.post(f"/people/{person.pk}/{what}/", CHANGES[what])
        assert answer.status_code == 403
        assert (User.objects.filter(pk=person.pk).values().get(), roles_of(person)) == before
        assert f"/people/{person.pk}/{what}/" not in client.get(f"/people/{person.pk}/").text


@pytest.mark.django_db(transaction=True)
def test_of_two_owners_who_deactivate_each_other_at_once_one_is_left() -> None:
    owners, barrier = [make_user("owner"), make_user("owner")], threading.Barrier(2)

    def deactivate(actor: User, other: User) -> None:
        client = Client()
        client.force_login(actor)
        barrier.wait()
        client.post(f"/people/{other.pk}/deactivate/")
        connection.close()

    threads = [threading.Thread(target=deactivate, args=pair) for pair in (owners, reversed(owners))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert User.objects.filter(is_active=True).count() == 1


def test_deactivating_ends_sessions_tokens_and_links_at_once(client: Client, manager: User) -> None:
    ben = make_user("reviewer", username="ben")
    theirs = Client()
    theirs.force_login(ben)
    token = Token.objects.create(user=ben).key
    headers = {"authorization": f"Token {token}"}
    link = client.post(f"/people/{ben.pk}/reset-link/").context["reset_link"].removeprefix("http://testserver")
    assert theirs.get("/account/").status_code == 200
    assert Client().get("/api/v1/projects/", headers=headers).status_code == 200

    client.post(f"/people/{ben.pk}/deactivate/")
    assert theirs.get("/account/")["Location"] == "/sign-in/?next=/account/"
    assert Client().get("/api/v1/projects/", headers=headers).status_code == 401
    assert Client().post("/sign-in/", {"username": "ben", "password": "correct horse"}).status_code == 200
    new = Client().get(link, follow=True)
    assert not new.context["user"].is_authenticated

    client.post(f"/people/{ben.pk}/reactivate/")
    assert theirs.get("/account/").status_code == 302, "a session from before comes back to life"
    assert Client().post("/sign-in/", {"username": "ben", "password": "correct horse"}).status_code == 302


def test_a_link_for_a_new_password_works_once(client: Client, manager: User) -> None:
    anna = make_user(username="anna")
    page = client.post(f"/people/{anna.pk}/reset-link/")
    link = page.context["reset_link"].removeprefix("http://testserver")
    assert page.context["reset_link"] in page.text
    assert link not in client.get(f"/people/{anna.pk}/").text
    visitor = Client()
    form = visitor.get(link, follow=True)
    assert "For the account anna" in form.text
    words = {"new_password1": "harbour lights 7", "new_password2": "harbour lights 7"}
    assert "is set" in visitor.post(form.redirect_chain[-1][0], words, follow=True).text
    anna.refresh_from_db()
    assert anna.check_password("harbour lights 7")
    assert "does not work" in Client().get(link, follow=True).text


def test_a_manager_ends_somebodys_wait(client: Client, manager: User) -> None:
    anna = make_user(username="anna")
    for _ in range(5):
        Client().post("/sign-in/", {"username": "anna", "password": "a guess"})
    assert "must wait" in client.get(f"/people/{anna.pk}/").text
    client.post(f"/people/{anna.pk}/end-wait/")
    assert "must wait" not in client.get(f"/people/{anna.pk}/").text
    assert Client().post("/sign-in/", {"username": "anna", "password": "correct horse"}).status_code == 302


def test_each_grant_names_permissions_that_exist() -> None:
    for role, grants in GRANTS.items():
        for grant in grants:
            assert permissions_of(grant), f"{grant} of {role} gives nothing: is it spelt right?"


def test_a_grant_gives_what_it_names_and_no_more() -> None:
    def names_of(grant: str) -> set[str]:
        return {permission.codename for permission in permissions_of(grant)}

    assert names_of("accounts.user:view,change") == {"view_user", "change_user"}
    assert names_of("annotation.preference") == {f"{deed}_preference" for deed in ("view", "add", "change", "delete")}
    assert "view_invitation" in names_of("accounts.*:view") and "add_user" not in names_of("accounts.*:view")


def test_a_manager_can_not_give_themselves_somebody_elses_way_in() -> None:
    """An identity of single sign-on that points at an owner would be the owner's power."""
    mia = make_user("manager")
    assert not any(mia.has_perm(f"accounts.{deed}_identity") for deed in ("add", "change", "delete"))
