"""Single sign-on by OpenID Connect (authorization code with PKCE), switched on by OIDC_* in the environment.

Authlib talks with the provider and checks what it says: state, nonce, signature, issuer, audience, times. This module
decides whom that lets in: an identity that is known; an address that was invited, or a role by claim or by default; and
never, on the strength of an address alone, the account of somebody who is here already.
"""

import logging
import time
from functools import cache
from typing import Any

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.django_client import OAuth
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME, login
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET
from joserfc.errors import JoseError
from requests import RequestException

from webapp.accounts import inviting
from webapp.accounts.checks import NO_ROLE
from webapp.accounts.forms import ConnectForm, somebody_with
from webapp.accounts.models import BACKEND, Identity, Invitation, User
from webapp.accounts.roles import strongest

logger = logging.getLogger(__name__)
NEXT, WAITING = "single-sign-on-next", "single-sign-on-waiting"
PATIENCE = 600
"""Seconds that somebody has to show that an account with their address is theirs."""
FAILURES: tuple[type[Exception], ...] = (
    AuthlibBaseError,
    JoseError,
    RequestException,
    ValueError,
    KeyError,
    TypeError,
    RuntimeError,
)
"""What Authlib and its parts raise for a provider that is away, or says what it should not."""


class RefusedError(Exception):
    """Somebody may not come in; the words are for them."""


def is_on() -> bool:
    return bool(settings.OIDC_ISSUER and settings.OIDC_CLIENT_ID and settings.OIDC_CLIENT_SECRET)


def name() -> str:
    """What the sign-in page calls it; empty where it is off."""
    return (settings.OIDC_NAME or _("single sign-on")) if is_on() else ""


@cache
def client(issuer: str, client_id: str, secret: str, scopes: str) -> Any:
    """Authlib's client of the provider, which keeps what it discovers; keys are fetched anew when an unknown one is
    named."""
    return OAuth().register(
        "sso",
        client_id=client_id,
        client_secret=secret,
        server_metadata_url=f"{issuer.rstrip('/')}/.well-known/openid-configuration",
        client_kwargs={"scope": scopes, "code_challenge_method": "S256", "default_timeout": 10},
    )


def provider() -> Any:
    if not is_on():
        raise Http404("Single sign-on is off: OIDC_ISSUER, OIDC_CLIENT_ID and OIDC_CLIENT_SECRET switch it on.")
    return client(settings.OIDC_ISSUER, settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET, settings.OIDC_SCOPES)


@login_not_required
@never_cache
@require_GET
def begin(request: HttpRequest) -> HttpResponse:
    """Send the browser to the provider; it comes back to `finish`."""
    found = provider()
    wanted = request.GET.get(REDIRECT_FIELD_NAME, "")
    is_ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    request.session[NEXT] = wanted if is_ours else ""
    try:
        return found.authorize_redirect(request, request.build_absolute_uri(reverse("sso-back")))
    except FAILURES:
        logger.exception("The provider of single sign-on can't be asked.")
        return refused(request, _("The single sign-on does not answer. Try again in a minute."), 502)


@login_not_required
@never_cache
@require_GET
def finish(request: HttpRequest) -> HttpResponse:
    """The browser is back: check what the provider says and let the person in, or say why not."""
    try:
        claims = claims_of(request)
        if request.user.is_authenticated:
            return connect_own(request, claims)
        known = Identity.objects.select_related("user").filter(issuer=settings.OIDC_ISSUER, subject=claims["sub"])
        if identity := known.first():
            return let_in(request, identity.user)
        email = verified_address(claims)
        if somebody_with(email):
            waiting = {"subject": claims["sub"], "email": email, "until": time.time() + PATIENCE}
            request.session[WAITING] = waiting
            return redirect("sso-connect")
        return let_in(request, new_person(claims, email))
    except RefusedError as reason:
        return refused(request, str(reason))


def claims_of(request: HttpRequest) -> dict[str, Any]:
    """What the provider says about the person, checked. Raises RefusedError."""
    found = provider()
    if answer := request.GET.get("error"):
        logger.info("The provider of single sign-on answered %r.", answer[:200])
        raise RefusedError(_("The single sign-on was broken off. Nobody is signed in."))
    try:
        only = {"iss": {"essential": True, "value": settings.OIDC_ISSUER}}
        only["aud"] = {"essential": True, "value": settings.OIDC_CLIENT_ID}
        token = found.authorize_access_token(request, claims_options=only)
        claims = dict(token["userinfo"])
        if not claims.get("email") and found.load_server_metadata().get("userinfo_endpoint"):
            more = found.userinfo(token=token)
            if more.get("sub") != claims["sub"]:
                raise ValueError(f"userinfo is about {more.get('sub')!r}, the token about {claims['sub']!r}")
            claims = dict(more) | claims
    except FAILURES as error:
        logger.warning("A single sign-on failed: %s: %s", type(error).__name__, error)
        raise RefusedError(_("The single sign-on could not be checked. Start it again from this page.")) from error
    if not isinstance(claims["sub"], str) or not 0 < len(claims["sub"]) <= 255:
        raise RefusedError(_("The single sign-on names nobody."))
    return claims


def verified_address(claims: dict[str, Any]) -> str:
    """The person's address, which the provider must have verified: anybody can type one."""
    email = claims.get("email")
    if not isinstance(email, str) or "@" not in email or len(email) > 254:
        raise RefusedError(_("The single sign-on tells no e-mail address, which a new account needs."))
    if claims.get("email_verified") is not True and not settings.OIDC_TRUST_EMAIL:
        raise RefusedError(_("Your e-mail address is not verified at the single sign-on: verify it there first."))
    return email


def new_person(claims: dict[str, Any], email: str) -> User:
    """Make the account of a newcomer, by invitation or by role. Raises RefusedError for who may not come in."""
    invitation = invitation_for(email)
    role = "" if invitation else role_of_newcomer(claims, email)
    if not invitation and not role:
        raise RefusedError(
            _("You are not invited yet: ask a manager of this site to invite %(email)s.") % {"email": email}
        )
    person = User(username=free_name(claims, email), email=email)
    person.first_name, person.last_name = (
        value[:150] if isinstance(value, str) else "" for value in (claims.get("given_name"), claims.get("family_name"))
    )
    person.set_unusable_password()
    try:
        with transaction.atomic():
            if invitation:
                inviting.accept(invitation, person)
            else:
                person.save()
                person.groups.add(Group.objects.get(name=role))
            Identity.objects.create(user=person, issuer=settings.OIDC_ISSUER, subject=claims["sub"])
    except (IntegrityError, inviting.InvitationOverError) as error:  # two tabs of one newcomer at once
        raise RefusedError(_("The single sign-on could not be finished. Start it again from this page.")) from error
    return person


def invitation_for(email: str) -> Invitation | None:
    """The invitation that was sent to this address, the most recent one that is still good."""
    sent = inviting.pending().select_related("created_by").filter(email__iexact=email).order_by("-pk")
    return next((invitation for invitation in sent if inviting.is_open(invitation)), None)


def role_of_newcomer(claims: dict[str, Any], email: str) -> str:
    """What the claim gives, or the default; nothing for a domain that is not ours."""
    domains = [domain.casefold().lstrip("@") for domain in settings.OIDC_DOMAINS]
    if domains and email.rpartition("@")[2].casefold() not in domains:
        return ""
    default = "" if settings.OIDC_DEFAULT_ROLE == NO_ROLE else settings.OIDC_DEFAULT_ROLE
    return strongest(settings.OIDC_ROLES.get(value, "") for value in claimed_values(claims)) or default


def claimed_values(claims: dict[str, Any]) -> list[str]:
    """The values of OIDC_ROLE_CLAIM, which may lie deeper (realm_access.roles) and be one or a list."""
    found: Any = claims
    for key in settings.OIDC_ROLE_CLAIM.split("."):
        found = found.get(key) if isinstance(found, dict) else None
    values = found if isinstance(found, list) else [found]
    return [value for value in values if isinstance(value, str)]


def free_name(claims: dict[str, Any], email: str) -> str:
    """A user name that nobody has, after what the person is called elsewhere."""
    wanted = claims.get("preferred_username")
    local = (wanted if isinstance(wanted, str) and wanted else email).partition("@")[0]
    name = slugify(local)[:140] or "person"
    number, found = 1, name
    while User.objects.filter(username__iexact=found).exists():
        number += 1
        found = f"{name}-{number}"
    return found


def connect_own(request: HttpRequest, claims: dict[str, Any]) -> HttpResponse:
    """Somebody who is signed in connects the single sign-on with their account."""
    person = get_object_or_404(User, pk=request.user.pk)
    identity, _new = Identity.objects.get_or_create(
        issuer=settings.OIDC_ISSUER, subject=claims["sub"], defaults={"user": person}
    )
    if identity.user_id != person.pk:
        messages.error(request, _("That single sign-on belongs to another account here."))
    else:
        messages.success(request, _("The single sign-on is connected: you may sign in by it from now on."))
    return redirect("account")


@login_not_required
@never_cache
@sensitive_post_parameters()
def connect(request: HttpRequest) -> HttpResponse:
    """An account with the newcomer's address is here already: its password shows that both are one person."""
    waiting = request.session.get(WAITING)
    if not is_on() or not waiting or waiting["until"] < time.time():
        return redirect("login")
    form = ConnectForm(waiting["email"], request, request.POST or None)
    if request.method == "POST" and form.is_valid():
        person = form.get_user()
        Identity.objects.get_or_create(
            issuer=settings.OIDC_ISSUER, subject=waiting["subject"], defaults={"user": person}
        )
        del request.session[WAITING]
        return let_in(request, person)
    return render(request, "registration/connect.html", {"form": form, "email": waiting["email"]})


def let_in(request: HttpRequest, person: Any) -> HttpResponse:
    """Sign in and go where the person was going. Raises RefusedError for an account that was deactivated."""
    if not person.is_active:
        raise RefusedError(_("Your account here was deactivated. Ask a manager of this site."))
    wanted = request.session.pop(NEXT, "")
    login(request, person, backend=BACKEND)
    return redirect(wanted or settings.LOGIN_REDIRECT_URL)


def refused(request: HttpRequest, reason: str, status: int = 403) -> HttpResponse:
    context = {"reason": reason, "next": request.session.get(NEXT, "")}
    return render(request, "registration/refused.html", context, status=status)
