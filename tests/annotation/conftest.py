"""An annotator at the desk, signed in."""

import pytest
from django.test import Client

from tests.factories import make_user
from webapp.accounts.models import User


@pytest.fixture
def annotator(db: None) -> User:
    return make_user()


@pytest.fixture
def client(annotator: User) -> Client:
    client = Client()
    client.force_login(annotator)
    return client
