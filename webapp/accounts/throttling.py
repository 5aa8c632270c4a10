"""Who guesses passwords waits. django-axes counts the failures; this says how many are too many.

Three counts: of one name from one address, of one name from anywhere, of any name from one address. The first stops
somebody at a keyboard and leaves the colleagues behind the same address alone; the second stops guesses spread over
many machines; the third those spread over many names. Axes knows one limit for all, hence the handler.
"""

import ipaddress
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from axes.backends import AxesStandaloneBackend
from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.forms import AuthenticationForm
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import ngettext

from webapp.accounts import single_sign_on


class Passwords(AxesStandaloneBackend, ModelBackend):
    """Django's check of name and password, not made while a wait lasts. One class: Django finds out who may do what
    without asking which backend is meant."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> Any:
        AxesStandaloneBackend.authenticate(self, request, username, password, **kwargs)
        return ModelBackend.authenticate(self, request, username, password, **kwargs)


class Handler(AxesDatabaseHandler):
    """Axes' store of failures with a limit for each of the three counts; `AXES_FAILURE_LIMIT` is 1: a wait or none."""

    def get_failures(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        return int(waiting_time(self.counts(request, credentials)) > timedelta())

    def counts(self, request: HttpRequest, credentials: dict[str, Any] | None) -> Iterator[tuple[QuerySet[Any], int]]:
        """The failures of each count, with its limit."""
        return zip(self.get_user_attempts(request, credentials), settings.SIGN_IN_LIMITS, strict=True)

    def reset_user_attempts(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        """Forget the failures of this name at this address alone: whoever owns one account could otherwise guess at
        others for ever by signing in to their own now and then."""
        return int(self.filter_user_attempts(request, credentials)[0].delete()[0])


def waiting_time(counts: Iterator[tuple[QuerySet[Any], int]]) -> timedelta:
    """How long until every count is below its limit again: its failures are forgotten one after the other."""
    longest = timedelta()
    for attempts, limit in counts:
        rows = list(attempts.order_by("attempt_time").values_list("attempt_time", "failures_since_start"))
        left = sum(failures for _, failures in rows)
        for at, failures in rows:
            if left < limit:
                break
            left -= failures
            longest = max(longest, at + settings.AXES_COOLOFF_TIME - timezone.now())
    return longest


def waits(person: Any) -> bool:
    """Whether failed sign-ins under this person's name make anybody wait."""
    recent = AccessAttempt.objects.filter(
        username=person.get_username(), attempt_time__gt=timezone.now() - settings.AXES_COOLOFF_TIME
    )
    counted = list(recent.values_list("failures_since_start", flat=True))
    at_one_address, from_anywhere, _ = settings.SIGN_IN_LIMITS
    return sum(counted) >= from_anywhere or any(failures >= at_one_address for failures in counted)


def end_wait(person: Any) -> None:
    AccessAttempt.objects.filter(username=person.get_username()).delete()


def client_address(request: HttpRequest) -> str | None:
    """Where a request comes from, as the outermost of our own proxies saw it; a client's own headers are not believed.

    A network of IPv6 (/64) counts as one address, since whoever has one address of it has them all.
    """
    hops = settings.TRUSTED_PROXIES
    forwarded = [part.strip() for part in request.headers.get("x-forwarded-for", "").split(",")]
    seen = forwarded[-hops] if 0 < hops <= len(forwarded) and forwarded[-hops] else request.META.get("REMOTE_ADDR")
    try:
        address = ipaddress.ip_address(seen or "")
    except ValueError:
        return None
    if address.version == 4:
        return str(address)
    return str(address.ipv4_mapped or ipaddress.ip_network((address, 64), strict=False).network_address)


def refuse(request: HttpRequest, response: HttpResponse | None, credentials: dict[str, Any] | None) -> HttpResponse:
    """429: the sign-in page, which says how long to wait. It says the same of names that do not exist."""
    handler = Handler()
    wait = waiting_time(handler.counts(request, credentials))
    minutes = max(1, -(-int(wait.total_seconds()) // 60))
    context = {
        "form": AuthenticationForm(request, initial={"username": (credentials or {}).get("username", "")}),
        "sso_name": single_sign_on.name(),
        "next": request.POST.get(REDIRECT_FIELD_NAME, ""),
        "wait": ngettext(
            "Too many failed attempts. Wait %(minutes)d minute, then try again; other people can sign in meanwhile.",
            "Too many failed attempts. Wait %(minutes)d minutes, then try again; other people can sign in meanwhile.",
            minutes,
        )
        % {"minutes": minutes},
    }
    answer = render(request, "registration/login.html", context, status=429)
    answer["Retry-After"] = str(max(1, int(wait.total_seconds())))
    return answer
