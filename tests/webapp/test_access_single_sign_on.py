"""Single sign-on lets in whom the provider vouches for, and nobody whom a forged, stale or borrowed answer names."""

import base64
import hashlib
import hmac
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth import get_user
from django.test import Client
from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.factories import make_project, make_user
from tests.webapp.identity_provider import CLIENT_ID, CLIENT_SECRET, IdentityProvider
from webapp.accounts.inviting import invite
from webapp.accounts.models import Identity, Invitation, User
from webapp.accounts.roles import roles_of

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def one_provider() -> Iterator[IdentityProvider]:
    running = IdentityProvider()
    yield running
    running.stop()


@pytest.fixture
def provider(one_provider: IdentityProvider, settings: LazySettings) -> IdentityProvider:
    """Single sign-on switched on, with a default role; the provider says the truth about anna@example.org."""
    one_provider.claims = {"sub": "1001", "email": "anna@example.org", "email_verified": True}
    one_provider.userinfo, one_provider.change, one_provider.sign = None, {}, one_provider.sign_truly
    settings.OIDC_ISSUER, settings.OIDC_CLIENT_ID = one_provider.issuer, CLIENT_ID
    settings.OIDC_CLIENT_SECRET, settings.OIDC_DEFAULT_ROLE = CLIENT_SECRET, "annotator"
    return one_provider


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


def at_the_provider(address: str) -> str:
    """Where the provider sends the browser back to, as a path of the site."""
    try:
        urllib.request.build_opener(NoRedirect).open(address)
    except urllib.error.HTTPError as answer:
        return str(answer.headers["Location"]).removeprefix("http://testserver")
    raise AssertionError("the provider did not send the browser back")


def sign_on(client: Client, wanted: str = "") -> Any:
    """Go all the way; the site's answer to the browser's return."""
    begun = client.get("/sign-in/sso/", {"next": wanted} if wanted else {})
    assert begun.status_code == 302
    return client.get(at_the_provider(begun["Location"]))


def who(client: Client) -> Any:
    """The account that the client's next request acts for."""
    return client.get("/account/").context["person"] if client.get("/account/").status_code == 200 else None


def refused(answer: Any, client: Client, words: str = "could not be checked") -> bool:
    return answer.status_code == 403 and words in answer.text and who(client) is None and not Identity.objects.exists()


def test_a_newcomer_gets_an_account_with_the_default_role_and_comes_back_to_it(
    client: Client, provider: IdentityProvider
) -> None:
    provider.claims |= {"given_name": "Anna", "family_name": "Berg", "preferred_username": "anna.berg"}
    assert sign_on(client)["Location"] == "/"
    person = who(client)
    assert (person.email, person.get_full_name(), person.username) == ("anna@example.org", "Anna Berg", "annaberg")
    assert roles_of(person) == ["annotator"]
    assert not person.has_usable_password()
    again = Client()
    provider.claims["email"] = "anna.berg@example.org"  # it changed there; the subject is who she is
    sign_on(again)
    assert who(again) == person


def test_the_provider_verifies_the_challenge_and_a_code_counts_once(client: Client, provider: IdentityProvider) -> None:
    begun = client.get("/sign-in/sso/")
    assert "code_challenge=" in begun["Location"] and "code_challenge_method=S256" in begun["Location"]
    back = at_the_provider(begun["Location"])
    assert client.get(back).status_code == 302
    replayed = Client()
    assert replayed.get(back).status_code == 403
    client.logout()
    assert client.get(back).status_code == 403


def test_a_state_of_another_browser_is_refused(client: Client, provider: IdentityProvider) -> None:
    """Else somebody could sign others in to an account of their own."""
    attacker = Client()
    back = at_the_provider(attacker.get("/sign-in/sso/")["Location"])
    client.get("/sign-in/sso/")  # a sign-on of one's own is under way
    assert refused(client.get(back), client)


def test_a_wrong_nonce_is_refused(client: Client, provider: IdentityProvider) -> None:
    for nonce in ("another", None):
        provider.change = {"nonce": nonce}
        assert refused(sign_on(client), client)


def test_a_signature_by_another_key_is_refused(client: Client, provider: IdentityProvider) -> None:
    stranger = RSAKey.generate_key(2048, {"kid": "first"})
    provider.sign = lambda claims: jwt.encode({"alg": "RS256", "kid": "first"}, claims, stranger)
    assert refused(sign_on(client), client)


def encoded(part: Any) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def test_an_unsigned_token_is_refused(client: Client, provider: IdentityProvider) -> None:
    provider.sign = lambda claims: f"{encoded({'alg': 'none'})}.{encoded(claims)}."
    assert refused(sign_on(client), client)


def test_a_token_signed_with_the_public_key_as_a_secret_is_refused(client: Client, provider: IdentityProvider) -> None:
    def sign(claims: dict[str, Any]) -> str:
        words = f"{encoded({'alg': 'HS256', 'kid': 'first'})}.{encoded(claims)}"
        public = provider.key.as_pem(private=False)
        return f"{words}.{encoded(hmac.digest(public, words.encode(), hashlib.sha256))}"

    provider.sign = sign
    assert refused(sign_on(client), client)


@pytest.mark.parametrize(
    "change",
    [
        {"aud": "another-client"},
        {"aud": ["another-client"], "azp": CLIENT_ID},
        {"iss": "https://login.example.net"},
        {"exp": int(time.time()) - 3600},
        {"sub": None},
        {"sub": ""},
    ],
)
def test_a_token_for_somebody_else_or_too_old_is_refused(
    client: Client, provider: IdentityProvider, change: dict[str, Any]
) -> None:
    provider.change = change
    answer = sign_on(client)
    assert answer.status_code == 403
    assert who(client) is None
    assert not User.objects.exists()


def test_a_provider_that_is_away_is_said_to_be_away(client: Client, provider: IdentityProvider, settings: Any) -> None:
    gone = IdentityProvider()
    gone.stop()
    settings.OIDC_ISSUER = gone.issuer
    answer = client.get("/sign-in/sso/")
    assert answer.status_code == 502
    assert "does not answer" in answer.text


def test_somebody_who_says_no_at_the_provider_is_told_so(client: Client, provider: IdentityProvider) -> None:
    client.get("/sign-in/sso/", {"next": "/account/"})
    answer = client.get("/sign-in/sso/back/", {"error": "access_denied", "state": "x"})
    assert refused(answer, client, "broken off")
    assert "/sign-in/?next=%2Faccount%2F" in answer.text


@pytest.mark.parametrize("verified", [False, None, "true"])
def test_an_address_that_is_not_verified_opens_nothing(
    client: Client, provider: IdentityProvider, settings: Any, verified: Any
) -> None:
    provider.claims["email_verified"] = verified
    assert refused(sign_on(client), client, "is not verified")
    assert not User.objects.exists()
    settings.OIDC_TRUST_EMAIL = True  # for a provider that never says so
    assert sign_on(client).status_code == 302
    assert who(client).email == "anna@example.org"


def test_an_address_that_only_userinfo_tells_counts_if_it_is_about_the_same_person(
    client: Client, provider: IdentityProvider
) -> None:
    provider.change = {"email": None, "email_verified": None}
    provider.userinfo = provider.claims | {"sub": "somebody else"}
    assert refused(sign_on(client), client)
    provider.userinfo = None
    assert sign_on(client).status_code == 302
    assert who(client).email == "anna@example.org"


def test_an_account_with_the_same_address_is_not_taken_over(client: Client, provider: IdentityProvider) -> None:
    here = make_user("manager", username="anna", email="Anna@Example.org")
    answer = sign_on(client, "/people/")
    assert answer["Location"] == "/sign-in/sso/connect/"
    assert who(client) is None
    other = make_user("owner", username="ben", email="ben@example.org")
    wrong = client.post("/sign-in/sso/connect/", {"username": other.username, "password": "correct horse"})
    assert "address is not anna@example.org" in wrong.text
    assert client.post("/sign-in/sso/connect/", {"username": "anna", "password": "guess"}).status_code == 200
    assert who(client) is None and not Identity.objects.exists()

    right = client.post("/sign-in/sso/connect/", {"username": "anna", "password": "correct horse"})
    assert right["Location"] == "/people/"
    assert who(client) == here
    again = Client()
    sign_on(again)
    assert who(again) == here
    assert User.objects.count() == 2


def test_guesses_at_the_connecting_page_make_wait_too(client: Client, provider: IdentityProvider) -> None:
    make_user("manager", username="anna", email="anna@example.org")
    sign_on(client)
    guesses = [client.post("/sign-in/sso/connect/", {"username": "anna", "password": f"guess {i}"}) for i in range(6)]
    assert [guess.status_code for guess in guesses] == [200] * 4 + [429] * 2


def test_connecting_waits_ten_minutes(client: Client, provider: IdentityProvider, monkeypatch: Any) -> None:
    make_user("manager", username="anna", email="anna@example.org")
    sign_on(client)
    later = time.time() + 601
    monkeypatch.setattr("webapp.accounts.single_sign_on.time.time", lambda: later)
    late = client.post("/sign-in/sso/connect/", {"username": "anna", "password": "correct horse"})
    assert late["Location"] == "/sign-in/"
    assert not Identity.objects.exists()


def test_somebody_signed_in_connects_their_account(client: Client, provider: IdentityProvider) -> None:
    here = make_user(email="other@example.net")
    client.force_login(here)
    assert sign_on(client)["Location"] == "/account/"
    again = Client()
    sign_on(again)
    assert who(again) == here
    thief = Client()
    thief.force_login(make_user())
    assert "belongs to another account" in thief.get(sign_on(thief)["Location"]).text
    assert Identity.objects.get().user == here


def test_a_deactivated_account_stays_out(client: Client, provider: IdentityProvider) -> None:
    sign_on(client)
    User.objects.update(is_active=False)
    assert who(client) is None
    answer = sign_on(client)
    assert answer.status_code == 403 and "deactivated" in answer.text
    assert not get_user(client).is_authenticated


def test_by_default_only_invited_people_come_in(client: Client, provider: IdentityProvider, settings: Any) -> None:
    settings.OIDC_DEFAULT_ROLE = "none"
    assert refused(sign_on(client), client, "not invited yet")
    project = make_project()
    owner = make_user("owner")
    invite(owner, "reviewer", [project], "anna@example.org")
    sign_on(client)
    assert roles_of(who(client)) == ["reviewer"]
    assert project.annotators.get() == who(client)
    assert Invitation.objects.get().uses == 1


def test_a_domain_that_is_not_ours_stays_out(client: Client, provider: IdentityProvider, settings: Any) -> None:
    settings.OIDC_DOMAINS = ["example.com"]
    assert refused(sign_on(client), client, "not invited yet")
    settings.OIDC_DOMAINS = ["example.com", "EXAMPLE.org"]
    assert sign_on(client).status_code == 302


@pytest.mark.parametrize(
    ("claimed", "role"),
    [
        ({"realm_access": {"roles": ["staff", "raters"]}}, "annotator"),
        ({"realm_access": {"roles": ["raters", "leads"]}}, "manager"),
        ({"realm_access": {"roles": "leads"}}, "manager"),
        ({"realm_access": {"roles": ["staff"]}}, None),
        ({"realm_access": ["leads"]}, None),
        ({}, None),
    ],
)
def test_a_claim_gives_the_role(
    client: Client, provider: IdentityProvider, settings: Any, claimed: dict[str, Any], role: str | None
) -> None:
    settings.OIDC_DEFAULT_ROLE, settings.OIDC_ROLE_CLAIM = "none", "realm_access.roles"
    settings.OIDC_ROLES = {"leads": "manager", "raters": "annotator"}
    provider.claims |= claimed
    answer = sign_on(client)
    if role is None:
        assert refused(answer, client, "not invited yet")
    else:
        assert roles_of(who(client)) == [role]


def test_two_people_of_one_name_get_two_names(client: Client, provider: IdentityProvider) -> None:
    make_user(username="Anna")
    sign_on(client)
    assert who(client).username == "anna-2"


def test_it_goes_back_to_where_somebody_was_and_nowhere_else(client: Client, provider: IdentityProvider) -> None:
    assert sign_on(client, "/account/password/")["Location"] == "/account/password/"
    for elsewhere in ("https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"):
        client.logout()
        assert sign_on(client, elsewhere)["Location"] == "/"


def test_the_sign_in_page_offers_it_and_the_way_back(client: Client, provider: IdentityProvider, settings: Any) -> None:
    settings.OIDC_NAME = "Example Login"
    page = client.get("/sign-in/", {"next": "/people/?show=all"}).text
    assert "Sign in with Example Login" in page
    assert 'href="/sign-in/sso/?next=%2Fpeople%2F%3Fshow%3Dall"' in page


def test_switched_off_there_is_nothing_of_it(client: Client) -> None:
    assert "/sign-in/sso/" not in client.get("/sign-in/").text
    assert client.get("/sign-in/sso/").status_code == 404
    assert client.get("/sign-in/sso/back/", {"code": "x", "state": "y"}).status_code == 404
    assert client.get("/sign-in/sso/connect/")["Location"] == "/sign-in/"


def test_signing_on_changes_the_session_key(client: Client, provider: IdentityProvider) -> None:
    begun = client.get("/sign-in/sso/")
    before = client.cookies["sessionid"].value
    client.get(at_the_provider(begun["Location"]))
    assert client.cookies["sessionid"].value != before
