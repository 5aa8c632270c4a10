"""Earlier violating prompts are asked of a real model again, and its answers wait for raters."""

import pytest

from annotation import red_teaming
from annotation.models import Assignment, Item, Project, Response
from evaluation.reasking import start_reasking
from modeling.registry.jobs import claim
from modeling.registry.models import Job, Run
from tests.annotation.test_red_team_accounting import make_attempt
from tests.factories import make_model, make_project, make_user
from tests.workers.conftest import local_model
from workers.carrying import carry_out
from workers.runs import execute

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_answers_of_a_newer_model_become_items_and_no_answer_is_sampled_twice() -> None:
    project = make_project(task_type=Project.TaskType.RED_TEAM)
    into = make_project(task_type=Project.TaskType.SAFETY_RATING, overlap=3)
    old, new = make_model("old"), local_model("new")
    for number in range(2):
        make_attempt(project, make_user(), old, violating=True, text=f"Where is the key of boat {number}?")
    make_attempt(project, make_user(), old, violating=False, text="Where is the inn?")
    for sampled, items in ((2, 2), (0, 0)):
        run = start_reasking(project, into, new, max_new_tokens=20)
        job = claim(Run, run.pk)
        assert job is not None
        carry_out(job, execute)
        run.refresh_from_db()
        assert (run.status, run.error) == (Job.Status.DONE, "")
        assert (run.report["sampled"], run.report["items"]) == (sampled, items)
    assert Item.objects.filter(project=into).count() == 2
    assert Assignment.objects.filter(item__project=into, status="open").count() == 6
    assert Response.objects.filter(model_version=new, prompt__project=into).count() == 2
    (line,) = red_teaming.rejections(project)
    assert (line.model, line.asked, line.rated) == (new, 2, 0)
