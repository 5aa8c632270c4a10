"""What `manage.py check` says about single sign-on, e-mail and proxies."""

from typing import Any
from urllib.parse import SplitResult, urlsplit

import environ
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning

from webapp.accounts.roles import ROLES

NO_ROLE = "none"
LOCAL = ("localhost", "127.0.0.1", "::1")


def check_single_sign_on(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    needed = ("OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET")
    missing = [name for name in needed if not getattr(settings, name)]
    if len(missing) == len(needed):
        return []
    found: list[CheckMessage] = []
    if missing:
        hint = f"Set {' and '.join(missing)} as well, or none of {', '.join(needed)}."
        found.append(Error("Single sign-on is set up by half, and so is off.", hint=hint, id="accounts.E001"))
    address = urlsplit(settings.OIDC_ISSUER)
    if settings.OIDC_ISSUER and (address.scheme not in ("https", "http") or not address.hostname):
        hint = "It is the address that the provider names as its issuer, such as https://login.example.org/realms/team."
        found.append(Error(f"OIDC_ISSUER is no address: {settings.OIDC_ISSUER!r}", hint=hint, id="accounts.E002"))
    elif address.scheme == "http" and address.hostname not in LOCAL:
        hint = "Use the provider's https:// address: over http anybody on the way can sign in as anybody."
        found.append(Error(f"OIDC_ISSUER is not encrypted: {settings.OIDC_ISSUER!r}", hint=hint, id="accounts.E003"))
    unknown = sorted({*settings.OIDC_ROLES.values(), settings.OIDC_DEFAULT_ROLE} - {*ROLES, NO_ROLE})
    if unknown:
        hint = (
            f"Roles are {', '.join(ROLES)}; OIDC_ROLES is written value=role,value=role; OIDC_DEFAULT_ROLE may be none."
        )
        found.append(
            Error(f"Single sign-on gives unknown roles: {', '.join(map(repr, unknown))}", hint=hint, id="accounts.E004")
        )
    if bool(settings.OIDC_ROLES) != bool(settings.OIDC_ROLE_CLAIM):
        hint = (
            "The claim is such as groups or realm_access.roles; OIDC_ROLES says which of its values gives which role."
        )
        found.append(
            Error("OIDC_ROLE_CLAIM and OIDC_ROLES only work together, and one is empty.", hint=hint, id="accounts.E005")
        )
    if "openid" not in settings.OIDC_SCOPES.split():
        hint = "Write it as words between spaces: openid email profile."
        found.append(Error(f"OIDC_SCOPES lacks openid: {settings.OIDC_SCOPES!r}", hint=hint, id="accounts.E006"))
    if settings.OIDC_DEFAULT_ROLE in ROLES and not settings.OIDC_DOMAINS:
        hint = "Name the e-mail domains of your people in OIDC_DOMAINS, if others have accounts there too."
        message = f"Everybody with an account at {settings.OIDC_ISSUER} comes in as {settings.OIDC_DEFAULT_ROLE}."
        found.append(Warning(message, hint=hint, id="accounts.W001"))
    return found


def check_email(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if not settings.EMAIL_URL:
        return []
    found: list[CheckMessage] = []
    address = urlsplit(settings.EMAIL_URL)
    kinds = sorted(environ.Env.EMAIL_SCHEMES)
    hint = "Write it as smtp+tls://user:password@host:587, with special characters of the password in %XX."
    if address.scheme not in kinds:
        message = f"EMAIL_URL must begin with one of {', '.join(kinds)}, got {address.scheme or 'nothing'}://"
        found.append(Error(message, hint=hint, id="accounts.E007"))
    elif address.scheme.startswith("smtp") and not (address.hostname and has_port(address)):
        found.append(Error("EMAIL_URL names no host, or a port that is no number.", hint=hint, id="accounts.E008"))
    if "@localhost" in settings.DEFAULT_FROM_EMAIL:
        hint = "Set DEFAULT_FROM_EMAIL, such as 'Plumbline <plumbline@example.org>'."
        message = f"Mail would be sent as {settings.DEFAULT_FROM_EMAIL}, which most servers refuse."
        found.append(Warning(message, hint=hint, id="accounts.W002"))
    return found


def has_port(address: SplitResult) -> bool:
    """Whether the port of an address is a number, or left out."""
    try:
        return address.port is None or address.port > 0
    except ValueError:
        return False


def check_proxies(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if settings.TRUSTED_PROXIES >= 0:
        return []
    hint = "It is the number of your own proxies in front of the site: 0 for none, 1 for one."
    message = f"TRUSTED_PROXIES must be 0 or more, got {settings.TRUSTED_PROXIES}"
    return [Error(message, hint=hint, id="accounts.E009")]
