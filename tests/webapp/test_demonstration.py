"""`make demo` in full: it starts, answers, keeps its processes running, and leaves none behind."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from django.conf import settings

from annotation.models import Project
from tests.factories import make_user
from tests.workers.conftest import environment
from webapp import demonstration
from webapp.accounts.models import User
from webapp.supervising import answer_of, site_and_workers

Process = subprocess.Popen


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Demo:
    """A demonstration in a folder of its own; what it says is in `said`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.output = folder / "said.txt"
        self.process: Process[bytes] | None = None

    def environment(self) -> dict[str, str]:
        own = {
            "DJANGO_SETTINGS_MODULE": "webapp.settings",
            "PLUMBLINE_VAR_DIR": str(self.folder),
            "OMP_NUM_THREADS": "1",
        }
        return {**{key: value for key, value in os.environ.items() if key not in ("DATABASE_URL", "REDIS_URL")}, **own}

    def start(self) -> None:
        with self.output.open("wb") as output:
            self.process = Process(
                [sys.executable, "manage.py", "demo", "--port", str(self.port)],
                cwd=settings.BASE_DIR,
                env=self.environment(),
                stdout=output,
                stderr=output,
            )

    @property
    def said(self) -> str:
        return self.output.read_text()

    def stop(self, number: int) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(timeout=60)

    def processes(self) -> list[int]:
        """Every process that works in this demonstration's folder."""
        mark = f"PLUMBLINE_VAR_DIR={self.folder}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:
                continue
        return found


def until(true: Callable[[], bool], what: str, within: float = 180) -> None:
    started = time.monotonic()
    while time.monotonic() - started < within:
        if true():
            return
        time.sleep(0.1)
    raise AssertionError(f"after {within} s still not: {what}")


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    demo = Demo(tmp_path)
    yield demo
    for pid in demo.processes():
        os.kill(pid, signal.SIGKILL)


@pytest.mark.slow
def test_the_demonstration_starts_is_looked_after_and_leaves_nothing_behind(demo: Demo) -> None:
    demo.start()
    until(lambda: "Plumbline is at" in demo.said, "the address is printed")
    health = json.loads(urlopen(f"http://localhost:{demo.port}/health/", timeout=30).read())
    assert health["database"] == "ok"
    assert b"Sign in" in urlopen(f"http://localhost:{demo.port}/", timeout=30).read()
    until(lambda: "A worker is ready" in demo.said, "a worker is ready")

    sign_in = demo.folder / "demo-sign-in"
    assert stat.S_IMODE(sign_in.stat().st_mode) == 0o600
    passwords = json.loads(sign_in.read_text())
    assert set(passwords) == {"manager", "anna", "ben", "chris"}
    assert all(re.search(rf"{name} +{re.escape(word)} ", demo.said) for name, word in passwords.items())

    second = subprocess.run(
        [sys.executable, "manage.py", "demo", "--port", str(demo.port)],
        cwd=settings.BASE_DIR,
        env=demo.environment(),
        capture_output=True,
        text=True,
    )
    assert second.returncode == 1
    assert f"port {demo.port} of 127.0.0.1 is taken" in second.stderr

    assert demo.process is not None
    children = Path(f"/proc/{demo.process.pid}/task/{demo.process.pid}/children").read_text().split()
    assert len(children) == 3
    os.kill(int(children[1]), signal.SIGKILL)
    until(lambda: "The sampling worker ended (by SIGKILL). It starts again" in demo.said, "the death is told")

    assert demo.stop(signal.SIGINT) == 0
    assert demo.said.endswith("Stopped.\n")
    assert demo.processes() == []

    # The second start finds everything there; its supervisor is killed, and takes all the others with it.
    demo.start()
    until(lambda: "Plumbline is at" in demo.said, "the address is printed again")
    assert all(word in demo.said for word in passwords.values())
    assert "Registering" not in demo.said
    demo.stop(signal.SIGKILL)
    until(lambda: demo.processes() == [], "no orphan is left", within=5)


@pytest.mark.django_db
def test_an_account_of_somebodys_own_is_never_taken_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demonstration, "SIGN_IN", tmp_path / "demo-sign-in")
    monkeypatch.setattr(demonstration, "register", lambda checkpoint: pytest.fail(f"{checkpoint} was registered"))
    make_user("owner", username="manager", is_superuser=True)
    with pytest.raises(demonstration.DemonstrationError, match=r"accounts named manager that .* does not know"):
        demonstration.load(lambda line: None)
    assert User.objects.get().check_password("correct horse")
    assert not Project.objects.exists()
    assert not (tmp_path / "demo-sign-in").exists()


@pytest.mark.django_db
def test_the_demonstrations_own_people_keep_the_passwords_that_they_chose(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demonstration, "SIGN_IN", tmp_path / "demo-sign-in")
    passwords = demonstration.make_people()
    anna = User.objects.get(username="anna")
    anna.set_password("a sentence of her own")
    anna.save()
    demonstration.refuse_strangers()
    assert demonstration.make_people() == passwords
    assert User.objects.get(username="anna").check_password("a sentence of her own")
    assert User.objects.get(username="ben").check_password(passwords["ben"])


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("host", ["127.0.0.2", "0.0.0.0"])
def test_the_site_answers_by_the_name_that_it_listens_on(host: str) -> None:
    port = free_port()
    site = site_and_workers(host, port)[0]
    site.environment |= {key: value for key, value in environment().items() if key != "ALLOWED_HOSTS"}
    site.start()
    try:
        until(lambda: answer_of(f"http://127.0.0.2:{port}/health/") is not None, "the site answers")
    finally:
        assert site.process is not None
        site.process.terminate()
        site.process.wait()
