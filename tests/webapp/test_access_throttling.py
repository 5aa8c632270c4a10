"""Who guesses passwords waits; the colleagues behind the same address do not."""

from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.db.models import F
from django.test import Client, RequestFactory

from tests.factories import make_user
from webapp.accounts.throttling import client_address

pytestmark = pytest.mark.django_db
OFFICE, HOME = "198.51.100.7", "203.0.113.9"


def attempt(name: str, password: str = "a guess", address: str = OFFICE, **fields: Any) -> Any:
    return Client().post("/sign-in/", {"username": name, "password": password, **fields}, REMOTE_ADDR=address)


def pass_time(**time: int) -> None:
    """As if the failures so far had been that much earlier."""
    AccessAttempt.objects.update(attempt_time=F("attempt_time") - timedelta(**time))


def test_the_fifth_failure_makes_wait_and_says_how_long() -> None:
    make_user(username="anna")
    answers = [attempt("anna") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 429]
    assert "Wait 15 minutes" in answers[-1].text
    assert 895 <= int(answers[-1]["Retry-After"]) <= 900
    pass_time(minutes=13, seconds=30)
    right = attempt("anna", "correct horse", next="/account/")
    assert right.status_code == 429
    assert "Wait 2 minutes" in right.text
    assert 'name="next" value="/account/"' in right.text
    assert 'value="anna"' in right.text
    pass_time(minutes=2)
    assert attempt("anna", "correct horse", next="/account/")["Location"] == "/account/"


def test_waiting_is_not_prolonged_by_trying_on() -> None:
    make_user(username="anna")
    for _ in range(5):
        attempt("anna")
    pass_time(minutes=10)
    assert attempt("anna").status_code == 429
    pass_time(minutes=5, seconds=1)
    assert attempt("anna", "correct horse").status_code == 302


def test_a_colleague_at_the_same_address_signs_in() -> None:
    make_user(username="anna")
    make_user(username="ben")
    for _ in range(8):
        attempt("anna")
    assert attempt("ben", "correct horse").status_code == 302
    assert attempt("anna", "correct horse", HOME).status_code == 302  # and so does she, from elsewhere


def test_the_same_is_said_of_a_name_that_does_not_exist() -> None:
    make_user(username="anna")
    known, unknown = [[attempt(name) for _ in range(5)] for name in ("anna", "nobody")]
    assert [answer.status_code for answer in known] == [answer.status_code for answer in unknown]
    assert known[-1].context["wait"] == unknown[-1].context["wait"]


def test_one_name_guessed_at_from_many_addresses_makes_wait_everywhere() -> None:
    make_user(username="anna")
    statuses = [attempt("anna", address=f"192.0.2.{number // 4}").status_code for number in range(31)]
    assert statuses == [200] * 29 + [429] * 2  # four each from seven, two from the eighth: the limit is 30
    assert attempt("anna", "correct horse", HOME).status_code == 429
    make_user(username="ben")
    assert attempt("ben", "correct horse", "192.0.2.1").status_code == 302


def test_many_names_guessed_at_from_one_address_make_that_address_wait() -> None:
    make_user(username="anna")
    statuses = [attempt(f"name-{number}").status_code for number in range(101)]
    assert statuses == [200] * 99 + [429] * 2
    assert attempt("anna", "correct horse").status_code == 429
    assert attempt("anna", "correct horse", HOME).status_code == 302


def test_signing_in_to_an_account_of_ones_own_does_not_buy_more_guesses_at_others() -> None:
    make_user(username="mallory")
    for number in range(99):
        attempt(f"name-{number}")
    assert attempt("mallory", "correct horse").status_code == 302
    assert attempt("name-0").status_code == 429


def test_a_success_forgets_the_failures_before_it() -> None:
    make_user(username="anna")
    for _ in range(3):
        assert [attempt("anna").status_code for _ in range(4)] == [200] * 4
        assert attempt("anna", "correct horse").status_code == 302


def test_the_admin_has_no_sign_in_of_its_own(client: Client) -> None:
    make_user("owner", username="olga", is_staff=True)
    answer = client.post("/admin/login/?next=/admin/accounts/", {"username": "olga", "password": "correct horse"})
    assert answer["Location"] == "/sign-in/?next=%2Fadmin%2Faccounts%2F"
    assert "sessionid" not in client.cookies


def test_no_password_is_kept_with_the_failures() -> None:
    attempt("anna", "my real password with a typo")
    row = AccessAttempt.objects.values().get()
    assert "typo" not in str(row)


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, None, "10.0.0.1"),
        (0, "203.0.113.9", "10.0.0.1"),  # nobody in front: the client wrote this itself
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "1.1.1.1, 203.0.113.9", "203.0.113.9"),  # the client sent the first, our proxy added the second
        (2, "1.1.1.1, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        (2, "203.0.113.9", "10.0.0.1"),  # it did not pass both
        (1, "", "10.0.0.1"),
        (1, "nonsense", None),
        (1, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        (1, "::ffff:203.0.113.9", "203.0.113.9"),
    ],
)
def test_the_address_is_what_our_own_proxies_saw(
    settings: Any, proxies: int, forwarded: str | None, address: str | None
) -> None:
    settings.TRUSTED_PROXIES = proxies
    headers = {} if forwarded is None else {"x-forwarded-for": forwarded}
    assert client_address(RequestFactory().get("/", headers=headers, REMOTE_ADDR="10.0.0.1")) == address


def test_behind_a_proxy_people_are_told_apart(settings: Any) -> None:
    settings.TRUSTED_PROXIES = 1
    make_user(username="anna")
    fields = {"username": "anna", "password": "a guess"}
    for number in range(5):
        forged = f"9.9.9.{number}, {OFFICE}"
        answer = Client().post("/sign-in/", fields, headers={"x-forwarded-for": forged}, REMOTE_ADDR="10.0.0.1")
    assert answer.status_code == 429
    fields["password"] = "correct horse"
    from_home = Client().post("/sign-in/", fields, headers={"x-forwarded-for": HOME}, REMOTE_ADDR="10.0.0.1")
    assert from_home.status_code == 302
