"""The hidden model's answer to a red teamer: sampled, stored with how, and nothing said that names the model."""

import shutil
from pathlib import Path

import pytest

from annotation import attacking
from annotation.models import Project, Reply, Response
from modeling.registry.jobs import claim
from modeling.registry.models import Job, ModelVersion
from tests.factories import make_project, make_user
from tests.workers.conftest import CAREFUL, local_model
from workers.carrying import Stopped, carry_out

pytestmark = pytest.mark.django_db


def queued(model: ModelVersion, text: str = "What time is the ferry to Seal Island?") -> Reply:
    project = make_project(task_type=Project.TaskType.RED_TEAM)
    project.pool.create(model_version=model, temperature=0.7, max_new_tokens=60)
    return attacking.start(project, make_user(), text)


def carried_out(waiting: Reply) -> Reply:
    from workers.replying import reply

    job = claim(Reply, waiting.pk)
    assert job is not None
    carry_out(job, reply)
    return Reply.objects.select_related("response").get(pk=waiting.pk)


def test_the_answer_is_stored_with_how_it_came_about() -> None:
    done = carried_out(queued(local_model("careful")))
    assert (done.status, done.error) == (Job.Status.DONE, "")
    assert "ferry" in done.response.text.lower()
    assert done.response.finish_reason in ("stop", "length") and done.response.completion_tokens


def test_what_goes_wrong_names_no_model(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "harbour-lost"
    shutil.copytree(CAREFUL, folder)
    waiting = queued(local_model("lost", folder))
    shutil.rmtree(folder)
    failed = carried_out(waiting)
    assert failed.status == Job.Status.FAILED
    assert "could not be loaded" in failed.error and "lost" not in failed.error
    assert "harbour-lost" in caplog.text


def test_a_conversation_that_does_not_fit_is_refused_in_words() -> None:
    failed = carried_out(queued(local_model("careful"), "Where is the bakery? " * 380))
    assert failed.status == Job.Status.FAILED and "too long" in failed.error


def test_a_worker_that_is_told_to_stop_leaves_no_finished_answer() -> None:
    from workers.replying import reply

    waiting = queued(local_model("careful"))
    with pytest.raises(Stopped):
        reply(waiting, lambda: True)
    assert Response.objects.get(pk=waiting.response_id).finish_reason == ""
