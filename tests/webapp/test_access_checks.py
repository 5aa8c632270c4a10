"""`manage.py check` names what is wrong with single sign-on, e-mail and proxies, and what to do."""

import os
import subprocess
import sys
from typing import Any

import pytest
from django.conf import settings
from django.core.checks import run_checks

RIGHT = {
    "OIDC_ISSUER": "https://login.example.org",
    "OIDC_CLIENT_ID": "plumbline",
    "OIDC_CLIENT_SECRET": "secret",
    "OIDC_ROLE_CLAIM": "groups",
    "OIDC_ROLES": {"leads": "manager"},
    "EMAIL_URL": "smtp+tls://user:password@mail.example.org:587",
    "DEFAULT_FROM_EMAIL": "Plumbline <plumbline@example.org>",
}


def complaints() -> list[Any]:
    return [message for message in run_checks() if str(message.id).startswith("accounts.")]


def test_nothing_set_and_everything_right_are_fine(settings: Any) -> None:
    assert complaints() == []
    for name, value in RIGHT.items():
        setattr(settings, name, value)
    assert complaints() == []


@pytest.mark.parametrize(
    ("wrong", "number", "words"),
    [
        ({"OIDC_CLIENT_SECRET": ""}, "E001", "Set OIDC_CLIENT_SECRET as well"),
        ({"OIDC_ISSUER": "", "OIDC_CLIENT_ID": ""}, "E001", "Set OIDC_ISSUER and OIDC_CLIENT_ID as well"),
        ({"OIDC_ISSUER": "login.example.org"}, "E002", "such as https://login.example.org"),
        ({"OIDC_ISSUER": "http://login.example.org"}, "E003", "https:// address"),
        ({"OIDC_ROLES": {"leads": "boss"}}, "E004", "Roles are owner, manager, reviewer, annotator"),
        ({"OIDC_DEFAULT_ROLE": "guest"}, "E004", "OIDC_DEFAULT_ROLE may be none"),
        ({"OIDC_ROLE_CLAIM": ""}, "E005", "groups or realm_access.roles"),
        ({"OIDC_SCOPES": "email"}, "E006", "openid email profile"),
        ({"OIDC_DEFAULT_ROLE": "annotator"}, "W001", "OIDC_DOMAINS"),
        ({"EMAIL_URL": "mail.example.org"}, "E007", "smtp+tls://"),
        ({"EMAIL_URL": "imap://mail.example.org"}, "E007", "smtp+tls://"),
        ({"EMAIL_URL": "smtp://"}, "E008", "smtp+tls://"),
        ({"EMAIL_URL": "smtp://mail.example.org:submission"}, "E008", "smtp+tls://"),
        ({"DEFAULT_FROM_EMAIL": "Plumbline <plumbline@localhost>"}, "W002", "Set DEFAULT_FROM_EMAIL"),
        ({"TRUSTED_PROXIES": -1}, "E009", "0 for none, 1 for one"),
    ],
)
def test_a_mistake_is_named_with_a_hint(settings: Any, wrong: dict[str, Any], number: str, words: str) -> None:
    for name, value in (RIGHT | wrong).items():
        setattr(settings, name, value)
    (message,) = complaints()
    assert message.id == f"accounts.{number}"
    assert words in message.hint


def test_a_provider_on_this_machine_needs_no_encryption(settings: Any) -> None:
    for name, value in (RIGHT | {"OIDC_ISSUER": "http://localhost:8080/realms/team"}).items():
        setattr(settings, name, value)
    assert complaints() == []


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"EMAIL_URL": "mail.example.org"}, "EMAIL_URL must begin with one of"),
        ({"OIDC_ISSUER": "https://x.example", "OIDC_ROLES": "leads"}, "gives unknown roles: ''"),
    ],
)
def test_a_wrong_variable_is_an_answer_and_not_a_traceback(variables: dict[str, str], words: str) -> None:
    command = [sys.executable, "manage.py", "check"]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "webapp.settings", **variables}
    done = subprocess.run(command, cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert words in done.stderr
    assert "HINT" in done.stderr and "Traceback" not in done.stderr
