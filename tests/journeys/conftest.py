"""What every journey needs: patience with a busy machine, and a site that has answered all before it is emptied."""

import time
from collections.abc import Iterator

import pytest
from django.core.signals import request_finished, request_started
from playwright.sync_api import BrowserContext

PATIENCE = 60.0


@pytest.fixture(autouse=True)
def patient(context: BrowserContext) -> None:
    """A page may take a while to come where other tests train models on the same cores."""
    context.set_default_timeout(60_000)


@pytest.fixture(autouse=True)
def answered_to_the_end(transactional_db: None) -> Iterator[None]:
    """Set up before the page and so torn down after it: a request that is still under way is waited for.

    On PostgreSQL emptying the tables beside it would deadlock.
    """
    under_way: list[int] = []

    def begin(**kwargs: object) -> None:
        under_way.append(1)

    def end(**kwargs: object) -> None:
        if under_way:
            under_way.pop()

    request_started.connect(begin)
    request_finished.connect(end)
    try:
        yield
        until = time.monotonic() + PATIENCE
        while under_way and time.monotonic() < until:
            time.sleep(0.02)
    finally:
        request_started.disconnect(begin)
        request_finished.disconnect(end)
