"""Carrying out jobs: the heartbeat beside the work, and what becomes of the row when the work ends in any way."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from celery.worker import state as celery_state
from django.db import connection

from modeling.registry.jobs import AnyJob, beat, claim, finish, give_back
from modeling.registry.models import Job

BEAT_EVERY = timedelta(seconds=5)

log = logging.getLogger(__name__)

in_hand: set[tuple[str, int]] = set()
"""The jobs that this process is carrying out, by class and key."""

ShouldStop = Callable[[], bool]
Work = Callable[[AnyJob, ShouldStop], None]
"""Does a job; asks often whether it should stop, and then raises Stopped."""


class JobError(Exception):
    """Work that can't be done, for a reason that whoever asked for it should read."""


class Stopped(Exception):  # noqa: N818 - a request that was followed, not an error
    """The work was left off as asked."""


def shutting_down() -> bool:
    """Whether this worker process was told to end."""
    flags = (celery_state.should_stop, celery_state.should_terminate)
    return any(flag is not None and flag is not False for flag in flags)


def carry_out_waiting(job_class: type[AnyJob], first: int, work: Work[AnyJob]) -> None:
    """Carry out job `first` if it still waits, then all others that do, oldest first, until none is left."""
    pk: int | None = first
    while pk is not None and not shutting_down():
        job = claim(job_class, pk)
        if job is not None:
            carry_out(job, work)
        waiting = job_class._default_manager.filter(status=Job.Status.QUEUED).order_by("pk")
        pk = waiting.values_list("pk", flat=True).first()


def carry_out(job: AnyJob, work: Work[AnyJob], asked_to_end: ShouldStop = shutting_down) -> None:
    """Do the work of a claimed job and close its row: done, failed with its reason, cancelled, or queued again when
    this process ends before the job does."""
    key = (type(job).__name__, job.pk)
    in_hand.add(key)
    try:
        with heartbeat(job) as lost:
            ending = _outcome(job, work, lambda: lost.is_set() or asked_to_end())
        ending()
    finally:
        in_hand.discard(key)


def _outcome(job: AnyJob, work: Work[AnyJob], should_stop: ShouldStop) -> Callable[[], bool]:
    try:
        work(job, should_stop)
    except Stopped:
        return lambda: give_back(job) or finish(job, Job.Status.CANCELLED)
    except JobError as error:
        log.warning("%s %s failed: %s", *_named(job), error)
        reason = str(error)
    except Exception as error:
        log.exception("%s %s failed", *_named(job))
        reason = f"Unexpected {type(error).__name__}; the worker's log has the details."
    else:
        return lambda: finish(job, Job.Status.DONE)
    return lambda: finish(job, Job.Status.FAILED, reason)


@contextmanager
def heartbeat(job: Job) -> Iterator[threading.Event]:
    """Extend the job's lease while the block runs; the event is set when the job was cancelled or taken away."""
    lost, over = threading.Event(), threading.Event()

    def keep_beating() -> None:
        while not over.wait(BEAT_EVERY.total_seconds()):
            try:
                if not beat(job):
                    lost.set()
            except Exception:  # the lease outlasts a database that is away for some seconds
                log.exception("no heartbeat for %s %s", *_named(job))
            finally:
                connection.close()

    thread = threading.Thread(target=keep_beating, name=f"heartbeat-{job.pk}", daemon=True)
    thread.start()
    try:
        yield lost
    finally:
        over.set()
        thread.join()


def _named(job: Job) -> tuple[str, int]:
    return type(job).__name__.lower(), job.pk
