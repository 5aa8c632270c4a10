"""Rows name their tasks by a text; the texts must stay true."""

import os
import subprocess
import sys

import pytest
from django.apps import apps
from django.conf import settings

from modeling.registry.models import Job


def test_every_kind_of_job_names_a_registered_task() -> None:
    from workers import tasks  # noqa: F401 - what a worker process includes
    from workers.celery import app

    named = {model.TASK for model in apps.get_models() if issubclass(model, Job)}
    assert named == {"workers.sample_comparison", "workers.sample_reply", "workers.execute_run"}
    assert named <= set(app.tasks)


def test_training_has_a_queue_of_its_own() -> None:
    from workers.celery import app

    def queue_of(task: str) -> str:
        return str(app.amqp.router.route({}, task)["queue"].name)

    assert queue_of("workers.sample_comparison") == "sampling"
    assert queue_of("workers.sample_reply") == "sampling"
    assert queue_of("workers.execute_run") == "training"


def test_the_tasks_are_imported_without_torch() -> None:
    program = (
        "import django, sys; django.setup(); import workers.tasks, workers.starting, workers.presence; "
        "print('torch' in sys.modules)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], cwd=settings.BASE_DIR, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "False"


@pytest.mark.parametrize(("cores", "threads"), [(1, "1"), (2, "1"), (8, "4")])
def test_a_training_worker_leaves_half_of_the_cores_to_others(
    cores: int, threads: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workers.celery import leave_room

    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    leave_room()
    assert os.environ["OMP_NUM_THREADS"] == "7"
    monkeypatch.delenv("OMP_NUM_THREADS")
    leave_room()
    assert os.environ["OMP_NUM_THREADS"] == threads
