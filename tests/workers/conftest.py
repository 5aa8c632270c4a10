"""Worker processes over the test's own database, and the models that ship with the project."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from annotation.models import Comparison, Project, Response
from modeling.registry.jobs import enqueue
from modeling.registry.models import Job, ModelVersion
from tests.factories import make_model, make_project, make_prompt
from workers import carrying

CAREFUL = settings.DEMONSTRATION_CHECKPOINTS / "harbour-careful"
CARELESS = settings.DEMONSTRATION_CHECKPOINTS / "harbour-careless"
Process = subprocess.Popen


def local_model(name: str, folder: Path = CAREFUL, **fields: Any) -> ModelVersion:
    """A registered checkpoint, as `register_model` leaves it."""
    from modeling.checkpoints import digest, parameter_count

    known = {"path": str(folder), "digest": digest(folder), "parameters": parameter_count(folder)}
    return make_model(name, backend=ModelVersion.Backend.LOCAL, **(known | fields))


def queued_comparison(
    project: Project, text: str, models: tuple[ModelVersion, ModelVersion], **asked: Any
) -> Comparison:
    """A comparison whose two responses are still to be sampled; its message is sent."""
    prompt = make_prompt(project, text)
    settings_of_both = {"temperature": 0.7, "top_p": 0.95, "max_new_tokens": 60} | asked
    a, b = (
        Response.objects.create(prompt=prompt, model_version=model, seed=seed, **settings_of_both)
        for seed, model in enumerate(models)
    )
    comparison = Comparison.objects.create(project=project, prompt=prompt, response_a=a, response_b=b)
    enqueue(comparison)
    return comparison


@pytest.fixture(autouse=True)
def no_heartbeat_beside_an_open_transaction(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The heartbeat has a connection of its own: what the test's transaction holds back is not there for it, and after
    five seconds it would take the job for lost."""
    marker = request.node.get_closest_marker("django_db")
    if marker is not None and not marker.kwargs.get("transaction"):
        monkeypatch.setattr(carrying, "BEAT_EVERY", timedelta(days=1))


@pytest.fixture
def project(db: None) -> Project:
    return make_project(name="Harbour")


@pytest.fixture
def models(db: None) -> tuple[ModelVersion, ModelVersion]:
    return local_model("careful"), local_model("careless", CARELESS)


def eventually(job: Job, *statuses: str, within: float = 180) -> None:
    """Wait until the job has one of the statuses."""
    started = time.monotonic()
    while time.monotonic() - started < within:
        job.refresh_from_db()
        if job.status in statuses:
            return
        time.sleep(0.02)
    raise AssertionError(f"{job} is {job.status} after {within} s, expected {' or '.join(statuses)}: {job.error}")


def environment(**more: str) -> dict[str, str]:
    """What makes a process of this project share the test's database, queue and files."""
    database = connection.settings_dict
    url = f"sqlite:///{database['NAME']}"
    if connection.vendor == "postgresql":
        password = f":{database['PASSWORD']}" if database["PASSWORD"] else ""
        address = f"{database['HOST'] or 'localhost'}:{database['PORT'] or 5432}"
        url = f"postgres://{database['USER']}{password}@{address}/{database['NAME']}"
    shared = {
        "DJANGO_SETTINGS_MODULE": "webapp.settings",
        "DATABASE_URL": url,
        "PLUMBLINE_VAR_DIR": str(settings.VAR_DIR),
        "REDIS_URL": settings.REDIS_URL,
        "OMP_NUM_THREADS": "1",
    }
    return {**os.environ, **shared, **more}


@pytest.fixture
def start_worker(tmp_path: Path) -> Iterator[Callable[..., "Process[bytes]"]]:
    """Starts worker processes; those that still live at the end are ended."""
    started: list[Process[bytes]] = []

    def start(queues: str, **more: str) -> "Process[bytes]":
        command = [sys.executable, "-m", "celery", "-A", "workers.celery", "worker", "--queues", queues]
        command += ["--without-mingle", "--without-gossip", "--hostname", f"test-{len(started)}@%h"]
        with (tmp_path / f"worker-{len(started)}.log").open("wb") as log:
            worker = Process(command, cwd=settings.BASE_DIR, env=environment(**more), stdout=log, stderr=log)
        started.append(worker)
        return worker

    yield start
    for worker in started:
        with suppress(ProcessLookupError):
            worker.send_signal(signal.SIGKILL)
        worker.wait()
