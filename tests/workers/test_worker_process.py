"""Real worker processes over a real broker: what waits is done, and what a kill interrupts is done by another."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from celery import Celery
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from annotation.models import Comparison, Project
from modeling.registry.jobs import worker_is_alive
from modeling.registry.models import Job, ModelVersion, Worker
from tests.workers.conftest import eventually, queued_comparison

pytestmark = pytest.mark.django_db(transaction=True)
Models = tuple[ModelVersion, ModelVersion]
StartWorker = Callable[..., "subprocess.Popen[bytes]"]
REDIS_URL = settings.REDIS_URL or "redis://127.0.0.1:6379/13"


def known_by_its_message_alone(project: Project, text: str, models: Models) -> Comparison:
    """A queued comparison for which the reconciler sends no second message: it seems to be younger than it is."""
    with transaction.atomic():
        comparison = queued_comparison(project, text, models)
        Comparison.objects.filter(pk=comparison.pk).update(queued_at=timezone.now() + timedelta(days=1))
    return comparison


def test_a_worker_answers_says_that_it_is_there_and_ends_in_good_order(
    project: Project, models: Models, start_worker: StartWorker
) -> None:
    early = queued_comparison(project, "Where is the lighthouse?", models)  # before there is a worker
    assert not worker_is_alive()
    worker = start_worker("sampling")
    eventually(early, Job.Status.DONE)
    assert worker_is_alive("sampling") and not worker_is_alive("training")

    eventually(known_by_its_message_alone(project, "Who works at the Clock Tower?", models), Job.Status.DONE)

    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=60) == 0
    assert not Worker.objects.exists()


def test_what_a_killed_worker_left_is_done_by_another(
    project: Project, models: Models, start_worker: StartWorker
) -> None:
    comparison = queued_comparison(project, "What does a tower ticket cost?", models, max_new_tokens=800)
    worker = start_worker("sampling")
    eventually(comparison, Job.Status.RUNNING)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    comparison.refresh_from_db()
    assert comparison.status == Job.Status.RUNNING
    Comparison.objects.update(lease_until=timezone.now() - timedelta(seconds=1))  # instead of waiting for 30 seconds
    start_worker("sampling")
    eventually(comparison, Job.Status.DONE)
    assert comparison.attempts == 2
    assert Comparison.objects.get().response_a.finish_reason


@pytest.fixture
def redis() -> Iterator[str]:
    """The address of a Redis server to which this process sends its messages. Missing in CI, it is an error."""
    from redis import Redis, RedisError

    try:
        Redis.from_url(REDIS_URL).ping()
    except RedisError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no Redis at {REDIS_URL}: {error}")
    from workers.celery import app

    through_redis = Celery("through-redis", broker=REDIS_URL)
    through_redis.config_from_object("django.conf:settings", namespace="CELERY")
    through_redis.conf.update(broker_url=REDIS_URL, broker_transport_options={})
    through_redis.set_current()
    through_redis.set_default()
    yield REDIS_URL
    app.set_current()
    app.set_default()
    through_redis.close()


@pytest.mark.redis
def test_the_same_through_redis(project: Project, models: Models, start_worker: StartWorker, redis: str) -> None:
    queue = settings.VAR_DIR / "queue"
    before = sorted(queue.glob("*.msg")) if queue.exists() else []
    start_worker("sampling", REDIS_URL=redis)
    first = queued_comparison(project, "Where is the lighthouse?", models)
    eventually(first, Job.Status.DONE)
    eventually(known_by_its_message_alone(project, "Who is Marta Finch?", models), Job.Status.DONE)
    assert (sorted(queue.glob("*.msg")) if queue.exists() else []) == before
