"""One command that runs the site and its workers, keeps them running, and leaves nothing behind."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from urllib.error import URLError
from urllib.request import urlopen

from django.conf import settings

from workers.tether import tethered

PATIENCE_SECONDS = 10
"""How long a process may take to end in good order; a training saves its state first."""
LOOK_EVERY_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 30
START_WITHIN_SECONDS = 60

Say = Callable[[str], None]


class SupervisionError(Exception):
    """The site did not come up; says why."""


@dataclass
class Child:
    """A process that is started again whenever it ends."""

    name: str
    command: Sequence[str]
    environment: dict[str, str] = field(default_factory=dict)
    process: "subprocess.Popen[bytes] | None" = None
    started: float = 0.0
    due: float = 0.0
    """When it is started again."""
    pause: float = 1.0

    @property
    def log(self) -> Path:
        return settings.VAR_DIR / "logs" / f"{self.name.replace(' ', '-')}.log"

    def start(self) -> None:
        """In a group of its own, so that Ctrl-C reaches it through the supervisor alone, and tied to its life."""
        self.log.parent.mkdir(exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - the project's own commands
                tethered(list(self.command)),
                cwd=settings.BASE_DIR,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.started = time.monotonic()

    def look_after(self, say: Say) -> None:
        """Start it again when it has ended, sooner after a long life than after a short one."""
        if self.process is not None and self.process.poll() is not None:
            self.pause = 1.0 if time.monotonic() - self.started > 10 else min(2 * self.pause, LONGEST_PAUSE_SECONDS)
            say(f"The {self.name} ended ({ending(self.process.returncode)}). It starts again; its log: {self.log}")
            self.process, self.due = None, time.monotonic() + self.pause
        if self.process is None and time.monotonic() >= self.due:
            self.start()


class Supervisor:
    """The children and what was asked for by signals."""

    def __init__(self, children: Sequence[Child], say: Say) -> None:
        self.children = children
        self.say = say
        self.stopping = False

    def run(self, health: str, ready: Callable[[], None]) -> None:
        """Start the children, call `ready` when the site answers at `health`, and keep them until Ctrl-C or SIGTERM.

        Raises SupervisionError when the site does not answer in time.
        """
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask_to_stop)
        try:
            for child in self.children:
                child.start()
            self._await_site(health)
            if not self.stopping:
                ready()
                self._keep(health)
        finally:
            self._stop()

    def _ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        self.stopping = True

    def _await_site(self, health: str) -> None:
        started = time.monotonic()
        while not self.stopping and answer_of(health) is None:
            for child in self.children:
                child.look_after(self.say)
            if time.monotonic() - started > START_WITHIN_SECONDS:
                raise SupervisionError(
                    f"the site did not answer within {START_WITHIN_SECONDS} seconds; see {self.children[0].log}"
                )
            time.sleep(LOOK_EVERY_SECONDS)

    def _keep(self, health: str) -> None:
        announced = False
        while not self.stopping:
            for child in self.children:
                child.look_after(self.say)
            if not announced and (answer_of(health) or {}).get("worker") == "ok":
                announced = True
                self.say("A worker is ready to sample answers.")
            time.sleep(LOOK_EVERY_SECONDS)

    def _stop(self) -> None:
        """Ask all to end, then insist; nothing outlives this."""
        alive = [child.process for child in self.children if child.process and child.process.poll() is None]
        for process in alive:
            process.terminate()
        deadline = time.monotonic() + PATIENCE_SECONDS
        for process in alive:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def site_and_workers(host: str, port: int) -> list[Child]:
    """The site, a worker that samples and one that trains: a training never keeps an annotator waiting."""
    python = sys.executable
    bind = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    site = [python, "-m", "gunicorn", "webapp.wsgi", "--bind", bind, "--worker-class", "gthread"]
    site += ["--workers", "1", "--threads", "8", "--graceful-timeout", "3", "--no-control-socket"]
    worker = [python, "-m", "celery", "-A", "workers.celery", "worker", "--without-mingle", "--without-gossip"]
    one_thread = {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")}  # two answers at a time need no more
    return [
        Child("site", site, {"ALLOWED_HOSTS": ",".join(allowed_hosts(host))}),
        Child("sampling worker", [*worker, "--queues", "sampling", "--hostname", "sampling@%h"], one_thread),
        Child("training worker", [*worker, "--queues", "training", "--hostname", "training@%h"]),
    ]


def allowed_hosts(host: str) -> list[str]:
    """The names by which browsers may call a site that listens on `host`; on all addresses, any name."""
    everywhere = host in ("0.0.0.0", "::")  # noqa: S104 - whoever starts the demonstration asked for it
    return [*settings.ALLOWED_HOSTS, "*" if everywhere else f"[{host}]" if ":" in host else host]


def answer_of(health: str) -> dict[str, str] | None:
    """What the site says about itself; None while it doesn't answer."""
    try:
        with urlopen(health, timeout=5) as response:  # noqa: S310 - our own address
            return dict(json.loads(response.read()))
    except (URLError, OSError, ValueError):
        return None


def ending(status: int) -> str:
    return f"by {signal.Signals(-status).name}" if status < 0 else f"with status {status}"
