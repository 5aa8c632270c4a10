"""Whatever happens to the work, the row says it."""

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from modeling.registry.jobs import claim, reconcile, request_cancel
from modeling.registry.models import Job, Run
from workers import carrying
from workers.carrying import JobError, ShouldStop, Stopped, carry_out, carry_out_waiting

pytestmark = pytest.mark.django_db(transaction=True)


def queued() -> Run:
    return Run.objects.create(kind=Run.Kind.SCORING, name="a run")


def claimed() -> Run:
    run = claim(Run, queued().pk)
    assert run is not None
    return run


def until_stopped(run: Run, should_stop: ShouldStop) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if should_stop():
            raise Stopped
        time.sleep(0.01)
    raise AssertionError("nobody asked the work to stop")


def test_work_that_ends_is_done() -> None:
    run = claimed()
    carry_out(run, lambda run, should_stop: None)
    run.refresh_from_db()
    assert (run.status, run.error, run.lease_until) == (Job.Status.DONE, "", None)
    assert not carrying.in_hand


def test_work_that_cannot_be_done_says_why() -> None:
    def work(run: Run, should_stop: ShouldStop) -> None:
        raise JobError("the model is gone")

    run = claimed()
    carry_out(run, work)
    run.refresh_from_db()
    assert (run.status, run.error) == (Job.Status.FAILED, "the model is gone")


def test_an_unexpected_error_fails_the_job_without_telling_its_insides() -> None:
    def work(run: Run, should_stop: ShouldStop) -> None:
        raise RuntimeError("a secret path")

    run = claimed()
    carry_out(run, work)
    run.refresh_from_db()
    assert run.status == Job.Status.FAILED
    assert "RuntimeError" in run.error
    assert "secret" not in run.error


def test_a_cancelled_job_stops_at_its_next_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carrying, "BEAT_EVERY", timedelta(seconds=0.05))
    run = claimed()
    request_cancel(run)
    carry_out(run, until_stopped)
    run.refresh_from_db()
    assert run.status == Job.Status.CANCELLED


def test_a_worker_that_ends_gives_its_job_back_and_no_attempt_is_counted() -> None:
    run = claimed()
    carry_out(run, until_stopped, asked_to_end=lambda: True)
    run.refresh_from_db()
    assert (run.status, run.attempts, run.lease_until) == (Job.Status.QUEUED, 0, None)


def test_a_cancelled_job_stays_cancelled_when_its_worker_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wish may come at any moment, the last one before the row is closed included."""
    run = claimed()
    give_back = carrying.give_back

    def cancelled_just_before(job: Run) -> bool:
        request_cancel(job)
        return give_back(job)

    monkeypatch.setattr(carrying, "give_back", cancelled_just_before)
    carry_out(run, until_stopped, asked_to_end=lambda: True)
    run.refresh_from_db()
    assert run.status == Job.Status.CANCELLED


def test_a_job_that_another_worker_took_over_is_left_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carrying, "BEAT_EVERY", timedelta(seconds=0.05))
    run = claimed()
    Run.objects.update(lease_until=None)
    reconcile(Run)
    other = claim(Run, run.pk)
    assert other is not None
    carry_out(run, until_stopped)
    run.refresh_from_db()
    assert (run.status, run.started_at) == (Job.Status.RUNNING, other.started_at)


def test_the_heartbeat_extends_the_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carrying, "BEAT_EVERY", timedelta(seconds=0.05))
    run = claimed()
    Run.objects.update(lease_until=timezone.now())

    def work(run: Run, should_stop: ShouldStop) -> None:
        deadline = time.monotonic() + 60
        while Run.objects.get().lease_until <= timezone.now() and time.monotonic() < deadline:  # type: ignore[operator]
            time.sleep(0.01)
        assert Run.objects.get().lease_until > timezone.now()  # type: ignore[operator]

    carry_out(run, work)
    run.refresh_from_db()
    assert run.status == Job.Status.DONE


def test_one_message_wakes_a_worker_for_all_that_waits() -> None:
    runs = [queued() for _ in range(3)]
    order: list[int] = []
    carry_out_waiting(Run, runs[1].pk, lambda run, should_stop: order.append(run.pk))
    assert order == [runs[1].pk, runs[0].pk, runs[2].pk]
    assert set(Run.objects.values_list("status", flat=True)) == {Job.Status.DONE}


def test_a_message_for_a_job_that_is_over_does_nothing() -> None:
    run = queued()
    request_cancel(run)
    carry_out_waiting(Run, run.pk, lambda run, should_stop: pytest.fail("it was carried out"))
    run.refresh_from_db()
    assert run.status == Job.Status.CANCELLED
