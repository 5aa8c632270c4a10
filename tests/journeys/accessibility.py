"""What a page must hold for everybody: axe finds nothing serious, nothing scrolls sideways on the narrowest phone.

With SCREENSHOTS=folder in the environment each page that is looked at is kept there as a picture, to be looked at.
"""

import os
import re
from pathlib import Path
from typing import Literal

from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from playwright.sync_api import Page

from webapp.accounts.models import User

NARROWEST, DESK = 320, 1280
# A finding of axe is minor, moderate, serious or critical: the last two keep somebody out.
SERIOUS = ("serious", "critical")


def serious_findings(page: Page) -> list[str]:
    """axe's serious and critical findings on the page as it stands, each with its elements."""
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{rule['impact']} {rule['id']}: {node['html'][:160]} ({' '.join(node['failureSummary'].split())[:300]})"
        for rule in found
        if rule["impact"] in SERIOUS
        for node in rule["nodes"]
    ]


def scrolls_sideways(page: Page) -> list[str]:
    """What stands out to the right (or the left) where the whole page can be scrolled sideways."""
    wide = page.evaluate(
        """() => {
            const width = document.documentElement.clientWidth;
            if (document.scrollingElement.scrollWidth <= width) return [];
            const scrolls = (element) => element && (getComputedStyle(element).overflowX !== "visible" ||
                                                     scrolls(element.parentElement));
            const standsOut = ({ right, left }) => right > width + 1 || left < -1;
            return [...document.body.querySelectorAll("*")]
                .filter((element) => standsOut(element.getBoundingClientRect()) && !scrolls(element.parentElement))
                .map((element) => element.outerHTML.slice(0, 160));
        }"""
    )
    return [f"wider than {page.viewport_size and page.viewport_size['width']}: {html}" for html in wide]


def expect_usable_by_all(page: Page, called: str = "") -> None:
    """Looks at the page as it stands, light at a desk and dark on the narrowest phone; raises with what it found."""
    found = []
    looks: list[tuple[int, int, Literal["light", "dark"]]] = [(DESK, 900, "light"), (NARROWEST, 700, "dark")]
    for width, height, scheme in looks:
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme)
        look = f"{called or page.url} {width} {scheme}"
        keep_a_picture(page, look)
        found += [f"{look}: {finding}" for finding in serious_findings(page) + scrolls_sideways(page)]
    page.set_viewport_size({"width": DESK, "height": 900})
    page.emulate_media(color_scheme="light")
    assert not found, "\n" + "\n".join(found)


def keep_a_picture(page: Page, called: str) -> None:
    if folder := os.environ.get("SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder, re.sub(r"\W+", "-", called) + ".png"), full_page=True)


def enter_as(page: Page, user: User, url: str) -> None:
    """Sign in without the form: the session's cookie alone."""
    session = SessionStore()
    session[SESSION_KEY], session[HASH_SESSION_KEY] = str(user.pk), user.get_session_auth_hash()
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[-1]
    session.save()
    page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": str(session.session_key), "url": url}])
