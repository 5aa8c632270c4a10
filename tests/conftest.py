"""What every test may use; the journeys' browser is Debian's Chromium."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils import translation

CHROMIUM = Path("/usr/bin/chromium")
# Playwright's synchronous calls run inside an event loop, in which Django would otherwise refuse the database.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
# The models are tiny: a second thread would cost more than it gains, here and in the processes that a test starts.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    from playwright.sync_api import expect

    expect.set_options(timeout=60_000)  # instead of 5 s: the page shares its cores with another test's training
    return browser_type_launch_args | {"executable_path": str(CHROMIUM)}


@pytest.fixture(autouse=True)
def language_of_the_source() -> Iterator[None]:
    """The language of a test's last page would otherwise be that of the next test in this process."""
    translation.activate(settings.LANGUAGE_CODE)
    yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without a browser the journeys are skipped, except in CI, where they must not go missing unnoticed."""
    if CHROMIUM.exists() or os.environ.get("CI"):
        return
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.skip(reason=f"no {CHROMIUM}: apt-get install chromium"))
