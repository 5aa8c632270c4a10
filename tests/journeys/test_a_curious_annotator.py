"""Somebody with the developer tools open learns nothing of who wrote what, though one model is slow and both boast."""

import json
import re
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from playwright.sync_api import Page, Response, expect
from pytest_django.live_server_helper import LiveServer

from annotation import dialogues
from annotation.models import Comparison, Project
from annotation.models import Response as Row
from modeling.registry.jobs import claim
from modeling.registry.models import Job, ModelVersion, Worker
from modeling.sampling import Answer, Increment, Request
from tests.factories import make_model, make_project, make_prompt
from tests.journeys.test_annotating import sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

CHARACTERS_PER_SECOND = {"quick-kestrel-7b": 400.0, "slow-curlew-13b": 110.0}
BOAST = "I am {name}, trained by {maker}. "
MAKERS = {"quick-kestrel-7b": "OpenAI", "slow-curlew-13b": "Anthropic"}
FAR = 7_654_321
"""Keys of responses lie beyond this, where no other number on a page does."""


def text_of(name: str) -> str:
    """Both models say as much: nothing but time could tell them apart."""
    body = ("Salt comes with the rivers from the land, and stays when the sea dries in the sun. " * 8).strip()
    return body[:330] + " " + BOAST.format(name=name, maker=MAKERS[name]) + body[: 130 - len(MAKERS[name] + name)]


class TwoPaces(threading.Thread):
    """A worker whose models write at their own speeds."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.stopped = threading.Event()
        self.took: list[tuple[str, float]] = []

    def run(self) -> None:
        from workers.carrying import carry_out
        from workers.sampling import sample

        while not self.stopped.wait(0.02):
            for pk in Comparison.objects.filter(status=Job.Status.QUEUED).values_list("pk", flat=True):
                if job := claim(Comparison, pk):
                    carry_out(job, sample)
        connection.close()

    def stop(self) -> None:
        self.stopped.set()
        self.join()

    @staticmethod
    def asked(comparison: Comparison, response: Row) -> tuple[str, Request]:
        return str(response.model_version), Request(response.prompt.messages, max_new_tokens=125)

    def stream(self, asked: Sequence[tuple[str, Request]]) -> Iterator[Increment]:
        texts, written, began = [text_of(name) for name, _ in asked], [0, 0], time.monotonic()
        while written != [len(text) for text in texts]:
            time.sleep(0.03)
            for side, (name, _) in enumerate(asked):
                until = min(int(CHARACTERS_PER_SECOND[name] * (time.monotonic() - began)), len(texts[side]))
                new = texts[side][written[side] : until]
                if not new:
                    continue
                written[side] = until
                over = until == len(texts[side])
                answer = Answer(texts[side], "stop", 9, 120, time.monotonic() - began, (), None) if over else None
                if over:
                    self.took.append((name, time.monotonic() - began))
                yield Increment(side, new, answer)


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoPaces]:
    from workers import sampling

    Worker.objects.create(name="stand-in", seen_at=timezone.now(), queues="sampling")
    thread = TwoPaces()
    monkeypatch.setattr(sampling, "_asked", thread.asked)
    monkeypatch.setattr(sampling, "stream", thread.stream)
    thread.start()
    yield thread
    thread.stop()


@dataclass
class Notebook:
    """All that a browser received, and when."""

    began: float = field(default_factory=time.monotonic)
    received: list[str] = field(default_factory=list)
    seen: list[tuple[float, int, int]] = field(default_factory=list)
    """Seconds and the characters that stood on each side, whenever one of them changed."""

    def note(self, response: Response) -> None:
        head = f"{response.status} {response.url} {json.dumps(response.all_headers())}"
        body = "" if response.status in (204, 301, 302, 304) else response.text()
        self.received.append(f"{head}\n{body}")


WATCH = """() => {
  window.seen = [];
  const look = () => {
    const lengths = ["a", "b"].map((side) => {
      const text = document.getElementById(`answer-${side}`);
      return text ? text.textContent.replaceAll("[model name hidden]", "").trim().length : 0;
    });
    const ready = !document.querySelector("button[type=submit][form=judge]:disabled, #judge .primary:disabled");
    const last = window.seen.at(-1);
    if (!last || String(last.slice(1)) !== String([...lengths, ready])) {
      window.seen.push([performance.now(), ...lengths, ready]);
    }
  };
  new MutationObserver(look).observe(document.body, { childList: true, subtree: true, characterData: true });
}"""


def live_project(**fields: Any) -> Project:
    project = make_project(name="Harbour", **fields)
    for name, temperature in zip(CHARACTERS_PER_SECOND, (0.3141, 0.2718), strict=True):
        project.pool.create(model_version=make_model(name, remote_model=f"org/{name}-chat"), temperature=temperature)
    return project


def test_nothing_received_tells_the_models_apart(page: Page, live_server: LiveServer, worker: TwoPaces) -> None:
    project = live_project(regenerations=3, max_turns=9)
    Row.objects.create(pk=FAR, prompt=make_prompt(make_project()))
    book = Notebook()
    sign_in(page, live_server, project)
    page.on("response", book.note)
    page.reload()
    page.evaluate(WATCH)
    sessions: list[list[tuple[float, int, int, bool]]] = []

    page.get_by_label("Write a prompt").fill("Why is the sea salty?")
    page.keyboard.press("Control+Enter")
    for turn in (1, 2, 3):
        expect(page.get_by_role("button", name="Submit")).to_be_enabled()
        book.received.append(page.content())
        sessions.append([tuple(row) for row in page.evaluate("window.seen.splice(0)")])
        if turn == 1:  # once more, by the key
            page.keyboard.press("r")
            page.keyboard.press("r")
            expect(page.get_by_role("button", name="Submit")).to_be_disabled()
        elif turn == 2:
            page.keyboard.press("3")
            page.keyboard.press("Control+Enter")
            page.get_by_label("Continue the dialogue").fill("And lakes?")
            page.keyboard.press("Control+Enter")
            expect(page.get_by_role("button", name="Submit")).to_be_disabled()
    for path in ("/api/v1/comparisons/", "/api/v1/models/", "/projects/", f"/projects/{project.slug}/", "/models/"):
        answer = page.request.get(f"{live_server.url}{path}")
        assert answer.status in (403, 404), path
        book.received.append(answer.text())
    cookies = json.dumps(page.context.cookies())
    stored = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    page.goto("about:blank")

    assert Comparison.objects.count() == 3 and dialogues.redraws(project) == 1
    everything = "\n".join([*book.received, cookies, stored])
    assert len(book.received) > 20 and everything.count("[model name hidden]") > 10
    secrets = {name for model in ModelVersion.objects.all() for name in (model.name, model.remote_model)}
    secrets |= {"kestrel", "curlew", *MAKERS.values(), "0.3141", "0.2718", "temperature", "latency", "finish_reason"}
    for row in Row.objects.filter(pk__gt=FAR):
        secrets |= {str(row.seed), str(row.pk), f"{row.latency}"}
    for secret in secrets:
        assert secret.lower() not in everything.lower(), f"the browser was told {secret}"
    assert not re.search(r"(?im)server-timing|x-model|etag.*(kestrel|curlew)", everything)

    # The models took their own times, and the page showed neither.
    quick = [seconds for name, seconds in worker.took if name.startswith("quick")]
    slow = [seconds for name, seconds in worker.took if name.startswith("slow")]
    assert min(slow) - max(quick) > 1.5, "the slow model was not slow: the test shows nothing"
    for seen in sessions:
        growing = [row for row in seen if not row[3] and (row[1] or row[2])]
        assert growing, "nothing was seen to grow"
        assert all(abs(a - b) <= 2 for _, a, b, _ in seen), "one side was ahead of the other"
        assert seen[-1][1] > 450 and abs(seen[-1][1] - seen[-1][2]) <= 2


def test_an_error_names_no_model(page: Page, live_server: LiveServer, worker: TwoPaces, monkeypatch: Any) -> None:
    from modeling.endpoints import EndpointError
    from workers import sampling

    def refuses(asked: object) -> Iterator[Increment]:
        raise EndpointError('"org/slow-curlew-13b-chat" at http://host:8000/v1 answered 500')
        yield

    monkeypatch.setattr(sampling, "stream", refuses)
    project, book = live_project(), Notebook()
    sign_in(page, live_server, project)
    page.on("response", book.note)
    page.get_by_label("Write a prompt").fill("Why?")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("One of the two models could not be asked")).to_be_visible()
    everything = "\n".join([*book.received, page.content()]).lower()
    assert "curlew" not in everything and "kestrel" not in everything and "host:8000" not in everything
    page.goto("about:blank")
