"""The Celery app: `celery -A workers.celery worker --queues sampling` (or `training`, or both).

Each worker process carries out one job at a time (the pool is "solo"): more capacity is more processes, on this host or
on others. What a process is asked to do is in the database; a message only says that there is something to do.
"""

import os

from celery import Celery
from celery.signals import worker_init, worker_ready, worker_shutdown

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")

app = Celery("plumbline")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.include = ["workers.tasks"]
app.conf.worker_pool = "solo"
app.conf.worker_hijack_root_logger = False  # settings.LOGGING says how a line looks
app.conf.worker_redirect_stdouts = False


@worker_init.connect
def prepare(sender: object, **kwargs: object) -> None:
    """Load the sampling code before the first message: its first answer should not wait for torch's import."""
    queues = app.amqp.queues.consume_from
    if "training" in queues:
        leave_room()
    if "sampling" in queues:
        import workers.replying
        import workers.sampling  # noqa: F401


def leave_room() -> None:
    """Let torch compute on half of the cores, here and in the training processes that this worker starts.

    The other half is for the site and a sampling worker, which answers people who wait. Beside them torch on all cores
    is slower too, by far: each operation waits for its last thread, and on a busy core that one is late. What a command
    carries out in the foreground, and OMP_NUM_THREADS where it is set, stays as it is. OpenMP reads the variable once,
    so this comes before torch is imported.
    """
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // 2)))


@worker_ready.connect
def appear(sender: object, **kwargs: object) -> None:
    from workers import presence

    presence.start(getattr(sender, "hostname", "worker"), sorted(app.amqp.queues.consume_from))


@worker_shutdown.connect
def vanish(sender: object, **kwargs: object) -> None:
    from workers import presence

    presence.stop()
