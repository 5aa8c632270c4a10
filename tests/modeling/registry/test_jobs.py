"""A job is carried out by one worker at a time, whatever becomes of workers and wishes in between."""

from datetime import timedelta

import pytest
from django.utils import timezone

from modeling.registry import jobs
from modeling.registry.models import Job, Run

pytestmark = pytest.mark.django_db


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The keys of the jobs for which a message was sent."""
    sent: list[int] = []
    monkeypatch.setattr(jobs, "wake_a_worker", lambda job: sent.append(job.pk))
    return sent


def queued() -> Run:
    return Run.objects.create(kind=Run.Kind.SCORING, name="a run")


def claimed(run: Run) -> Run:
    job = jobs.claim(Run, run.pk)
    assert job is not None
    return job


def silent_until_the_lease_ran_out() -> None:
    Run.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    jobs.reconcile(Run)


def status(job: Run) -> str:
    job.refresh_from_db()
    return job.status


def test_a_claimed_job_is_nobody_elses() -> None:
    run = queued()
    assert claimed(run).attempts == 1
    assert jobs.claim(Run, run.pk) is None


def test_a_worker_that_was_thought_dead_has_lost_its_job(woken: list[int]) -> None:
    first = claimed(queued())
    silent_until_the_lease_ran_out()
    second = claimed(first)
    assert not jobs.beat(first)
    assert not jobs.finish(first, Job.Status.DONE)
    assert not jobs.give_back(first)
    assert jobs.beat(second)
    assert second.attempts == 2


def test_a_job_that_was_started_anew_is_not_given_to_the_worker_that_lost_it(woken: list[int]) -> None:
    first = claimed(queued())
    jobs.request_cancel(first)
    silent_until_the_lease_ran_out()
    again = Run.objects.get()
    assert again.status == Job.Status.CANCELLED
    assert jobs.reopen(again)
    second = claimed(again)
    assert second.attempts == first.attempts == 1  # the count alone does not tell the two claims apart
    assert not jobs.beat(first)
    assert not jobs.finish(first, Job.Status.FAILED)
    assert jobs.finish(second, Job.Status.DONE)


def test_a_job_that_is_given_back_waits_and_its_attempt_does_not_count() -> None:
    run = claimed(queued())
    assert jobs.give_back(run)
    assert (status(run), run.attempts, run.lease_until) == (Job.Status.QUEUED, 0, None)


def test_a_cancelled_job_is_not_given_back() -> None:
    run = claimed(queued())
    jobs.request_cancel(run)
    assert not jobs.give_back(run)
    assert jobs.finish(run, Job.Status.CANCELLED)
    assert status(run) == Job.Status.CANCELLED


def test_what_waits_is_cancelled_at_once() -> None:
    run = queued()
    jobs.request_cancel(run)
    assert status(run) == Job.Status.CANCELLED
    assert jobs.claim(Run, run.pk) is None


@pytest.mark.django_db(transaction=True)
def test_a_failed_job_that_is_reopened_is_queued_as_new_and_wakes_a_worker(woken: list[int]) -> None:
    run = claimed(queued())
    jobs.finish(run, Job.Status.FAILED, "no such checkpoint")
    assert jobs.reopen(run)
    assert (run.status, run.error, run.attempts, run.finished_at) == (Job.Status.QUEUED, "", 0, None)
    assert woken == [run.pk]
    assert not jobs.reopen(run)
    assert woken == [run.pk]


def test_a_job_whose_workers_died_too_often_fails_and_says_so(woken: list[int]) -> None:
    run = queued()
    for _ in range(jobs.MAX_ATTEMPTS):
        claimed(run)
        silent_until_the_lease_ran_out()
    assert status(run) == Job.Status.FAILED
    assert "without a word 3 times" in run.error
