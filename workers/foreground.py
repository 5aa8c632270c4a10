"""Runs in the foreground: a command carries one out by the same function as a worker, and shows it on the terminal."""

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from django.core.management.base import CommandError
from django.db import transaction

from modeling.registry.jobs import LEASE, claim, reconcile, request_cancel, worker_is_alive
from modeling.registry.models import Job, Run
from workers.carrying import ShouldStop, carry_out
from workers.runs import Report, executing
from workers.starting import resume_run

BAR = 24
LINE_EVERY_SECONDS = 10


def claimed(run: Run) -> Run:
    """Claim the run for this process; in the transaction that made it, no worker can be faster."""
    job = claim(Run, run.pk)
    if job is None:
        run.refresh_from_db()
        raise CommandError(f"Run {run.pk} is {run.status}: another process has it. Follow it on its page.")
    return job


def reopened(kind: str, pk: int) -> Run:
    """The interrupted run `pk`, claimed to go on. Raises CommandError where there is nothing to go on with."""
    reconcile(Run)  # a run whose process was killed is queued again when its lease has run out
    with transaction.atomic():
        try:
            run = Run.objects.select_for_update().get(pk=pk)
        except Run.DoesNotExist as error:
            raise CommandError(f"There is no run {pk}.") from error
        if run.kind != kind:
            raise CommandError(f"Run {pk} is of another kind: {run.get_kind_display()}.")
        if run.status == Job.Status.DONE:
            raise CommandError(f"Run {pk} is done: there is nothing to resume.")
        if run.status == Job.Status.RUNNING:
            raise CommandError(f"Run {pk} is being carried out. If its process was killed, {within_the_lease()}.")
        if run.status != Job.Status.QUEUED:
            resume_run(run)
        return claimed(run)


def within_the_lease() -> str:
    """What becomes of a run whose process was killed."""
    if worker_is_alive("training"):
        return f"a training worker takes it over within {LEASE.seconds} seconds or so: follow it on its page"
    return f"it is free again within {LEASE.seconds} seconds"


def carry_out_here(run: Run, show: Report, resume: str) -> Run:
    """Carry out a claimed run until its end; Ctrl-C cancels it, and `resume` is the command that goes on with it."""
    with interruptible(run) as interrupted:
        carry_out(run, executing(show), asked_to_end=interrupted)
    run.refresh_from_db()
    if run.status == Job.Status.DONE:
        return run
    if run.status == Job.Status.FAILED:
        raise CommandError(f"{run.error}\nWhen the cause is mended, go on with: {resume}")
    raise CommandError(f"Stopped. Go on from the last checkpoint with: {resume}", returncode=130)


@contextmanager
def interruptible(run: Run) -> Iterator[ShouldStop]:
    """Within the block Ctrl-C and SIGTERM ask the run to stop instead of tearing it apart."""
    received: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        received.append(number)

    def interrupted() -> bool:
        if received:
            request_cancel(run)
        return bool(received)

    if threading.current_thread() is not threading.main_thread():
        yield interrupted
        return
    earlier = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interrupted
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


def terminal_progress() -> Report:
    """Shows progress on the error stream: a bar that moves on a terminal, a line now and then in a log."""
    moving = sys.stderr.isatty()
    last: tuple[float, str] = (0.0, "")

    def show(share: float, note: str) -> None:
        nonlocal last
        if (not moving and time.monotonic() - last[0] < LINE_EVERY_SECONDS and share < 1) or note == last[1]:
            return
        last = (time.monotonic(), note)
        done = round(share * BAR)
        line = f"[{'#' * done}{'.' * (BAR - done)}] {share:4.0%}  {note}"
        print(
            f"\r\033[K{line}" if moving else line, end="" if moving and share < 1 else "\n", file=sys.stderr, flush=True
        )

    return show
