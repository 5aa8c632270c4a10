"""A page acts for the person that it was made for."""

import pytest
from django.test import Client

from tests.factories import make_user

pytestmark = pytest.mark.django_db


def test_a_page_made_for_somebody_else_does_nothing(client: Client) -> None:
    anna, ben = make_user(), make_user()
    client.force_login(ben)
    assert client.get("/work/", headers={"x-signed-in-as": str(anna.pk)}).status_code == 412
    assert client.get("/work/", headers={"x-signed-in-as": str(ben.pk)}).status_code == 200
    assert client.get("/work/").status_code == 200


def test_a_stale_form_gets_a_page_that_explains(client: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    answer = strict.post("/sign-in/", {"username": "anna"})
    assert answer.status_code == 403
    assert "too old" in answer.content.decode()
