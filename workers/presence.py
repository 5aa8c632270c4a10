"""A worker process makes itself known every few seconds, and brings lost work of its queues back while it is idle.

Only an idle worker reconciles: a busy one takes all waiting rows when it is done anyway, and no message is sent that
nobody is there to take.
"""

import logging
import os
import threading
from datetime import timedelta

from django.db import connection
from django.utils import timezone

from annotation.models import Comparison, Reply
from modeling.registry.jobs import reconcile
from modeling.registry.models import Job, Run, Worker
from workers.carrying import in_hand

SHOW_EVERY = timedelta(seconds=3)
FORGET_AFTER = timedelta(days=1)
JOBS: dict[str, tuple[type[Job], ...]] = {"sampling": (Comparison, Reply), "training": (Run,)}
"""What each queue wakes a worker for."""

log = logging.getLogger(__name__)
_over = threading.Event()
_threads: list[threading.Thread] = []


def start(hostname: str, queues: list[str]) -> None:
    """Show this process as a worker of `queues` until `stop`."""
    _over.clear()
    name = f"{hostname} {os.getpid()}"
    thread = threading.Thread(target=_show_and_reconcile, args=(name, queues), name="presence", daemon=True)
    _threads.append(thread)
    thread.start()


def stop() -> None:
    """Show this process no longer; pages say at once that it has gone."""
    _over.set()
    while _threads:
        _threads.pop().join(timeout=5)


def show(name: str, queues: list[str]) -> None:
    now = timezone.now()
    Worker.objects.update_or_create(name=name, defaults={"queues": ",".join(queues), "seen_at": now})
    Worker.objects.filter(seen_at__lt=now - FORGET_AFTER).delete()


def _show_and_reconcile(name: str, queues: list[str]) -> None:
    while True:
        try:
            show(name, queues)
            for queue in queues:
                for job_class in JOBS.get(queue, ()):
                    if not in_hand:
                        reconcile(job_class)
            if _over.wait(SHOW_EVERY.total_seconds()):
                Worker.objects.filter(name=name).delete()
                return
        except Exception:  # the database is away for a while: nothing is lost, and a thread that died would be missed
            log.exception("worker %s could not make itself known", name)
            if _over.wait(SHOW_EVERY.total_seconds()):
                return
        finally:
            connection.close()
