"""How queued work moves: enqueue, claim, heartbeat, finish, and the reconciler that brings lost work back.

A job is claimed by a conditional update, so two workers never carry out the same one. The claim is a lease that the
worker's heartbeat extends; the reconciler re-queues rows whose lease ran out (a killed worker) and wakes rows whose
message was lost. Attempts are counted in the row; the moment of its start names a claim.
"""

import logging
from datetime import timedelta
from functools import partial
from typing import TypeVar

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from modeling.registry.models import Job, Worker

LEASE = timedelta(seconds=30)
MAX_ATTEMPTS = 3
WORKER_SILENT_AFTER = timedelta(seconds=15)

AnyJob = TypeVar("AnyJob", bound=Job)

log = logging.getLogger(__name__)


def enqueue(job: Job) -> None:
    """Wake a worker for `job` once the surrounding transaction has committed."""
    transaction.on_commit(partial(wake_a_worker, job))


def wake_a_worker(job: Job) -> None:
    """Send the row's key to the task's queue. A broker that is down costs time, not work: the row stays queued."""
    from celery import current_app

    try:
        current_app.signature(job.TASK, args=[job.pk]).apply_async(retry=False)
    except Exception:
        log.exception("%s %s stays queued: the broker could not be reached", type(job).__name__, job.pk)


def claim(job_class: type[AnyJob], pk: int) -> AnyJob | None:
    """Take a queued job for this worker; None if somebody else has it or it is over."""
    now = timezone.now()
    rows = job_class._default_manager.filter(pk=pk)
    claimed = rows.filter(status=Job.Status.QUEUED).update(
        status=Job.Status.RUNNING, attempts=F("attempts") + 1, lease_until=now + LEASE, started_at=now
    )
    return rows.get() if claimed else None


def beat(job: Job) -> bool:
    """Extend the lease of a running job; False tells the worker to stop: cancelled, or taken by another."""
    return _mine(job).filter(cancel_requested=False).update(lease_until=timezone.now() + LEASE) == 1


def finish(job: Job, status: str, error: str = "") -> bool:
    """Close a running job; False if it is no longer this worker's."""
    closed = _mine(job).update(status=status, error=error, lease_until=None, finished_at=timezone.now())
    return closed == 1


def give_back(job: Job) -> bool:
    """Queue a running job again because its worker stops in good order; that is no attempt that failed.

    False if it is no longer this worker's, or was cancelled: then nobody is to take it up.
    """
    going_on = _mine(job).filter(cancel_requested=False)
    return going_on.update(status=Job.Status.QUEUED, attempts=F("attempts") - 1, lease_until=None) == 1


def _mine(job: Job) -> QuerySet[Job]:
    """The row while the claim that `job` was read with still holds; attempts start anew, moments never do."""
    return type(job)._default_manager.filter(pk=job.pk, status=Job.Status.RUNNING, started_at=job.started_at)


def reopen(job: Job) -> bool:
    """Queue a failed or cancelled job again, as new; False if it is not over or came to a good end."""
    rows = type(job)._default_manager.filter(pk=job.pk, status__in=(Job.Status.FAILED, Job.Status.CANCELLED))
    as_new = {"attempts": 0, "cancel_requested": False, "error": "", "finished_at": None, "lease_until": None}
    if rows.update(status=Job.Status.QUEUED, **as_new) == 0:
        return False
    job.refresh_from_db()
    enqueue(job)
    return True


def request_cancel(job: Job) -> None:
    """Ask for a job to stop: at once when it still waits, at its next heartbeat when it runs."""
    rows = type(job)._default_manager.filter(pk=job.pk)
    rows.update(cancel_requested=True)
    rows.filter(status=Job.Status.QUEUED).update(status=Job.Status.CANCELLED, finished_at=timezone.now())


def reconcile(job_class: type[Job]) -> int:
    """Re-queue jobs whose worker went silent, give up those tried too often, wake those that wait; how many woken."""
    now = timezone.now()
    lapsed = job_class._default_manager.filter(status=Job.Status.RUNNING).filter(
        Q(lease_until__lt=now) | Q(lease_until=None)
    )
    lapsed.filter(cancel_requested=True).update(status=Job.Status.CANCELLED, finished_at=now, lease_until=None)
    lapsed.filter(attempts__gte=MAX_ATTEMPTS).update(
        status=Job.Status.FAILED,
        error=f"The worker stopped without a word {MAX_ATTEMPTS} times; see its log, then start this again.",
        finished_at=now,
        lease_until=None,
    )
    lapsed.update(status=Job.Status.QUEUED, lease_until=None)
    waiting = job_class._default_manager.filter(
        status=Job.Status.QUEUED, queued_at__lt=now - timedelta(seconds=5)
    ).order_by("pk")[:100]
    for job in waiting:
        wake_a_worker(job)
    return len(waiting)


def worker_is_alive(queue: str = "") -> bool:
    """Whether any worker, or any that works on `queue` (sampling or training), was heard of lately."""
    heard_of = Worker.objects.filter(seen_at__gte=timezone.now() - WORKER_SILENT_AFTER)
    return heard_of.filter(queues__contains=queue).exists()
