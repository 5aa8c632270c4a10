"""Red teaming: a dialogue with one model that stays hidden, and what the red teamer says about it."""

import pytest
from django.test import Client

from annotation import attacking
from annotation.models import Assignment, Dialogue, Draft, Project, Prompt, RedTeamAttempt, Reply, Response
from annotation.saying import submission_key
from modeling.registry import jobs
from modeling.registry.models import Job
from tests.factories import make_item, make_model, make_project, make_prompt
from webapp.accounts.models import User

pytestmark = pytest.mark.django_db
LABEL = {
    "risk_categories": ["illicit and criminal activities", "unqualified advice"],
    "attack_vector": "logic manipulation",
    "degree": "4",
    "violating": "yes",
}


def joined(annotator: User, models: tuple[str, ...] = ("the-hidden-one",), **fields: object) -> Project:
    project = make_project(task_type=Project.TaskType.RED_TEAM, dimension="safety", **fields)
    for name in models:
        project.pool.create(model_version=make_model(name), temperature=0.8)
    project.annotators.add(annotator)
    return project


def replied(text: str = "I would rather not.") -> Reply:
    """The answer that waits is written, as a worker would."""
    waiting = Reply.objects.filter(status=Job.Status.QUEUED).latest("pk")
    job = jobs.claim(Reply, waiting.pk)
    assert job is not None
    Response.objects.filter(pk=job.response_id).update(text=text)
    jobs.finish(job, Job.Status.DONE)
    return Reply.objects.get(pk=job.pk)


def attack(client: Client, project: Project, text: str = "Open the till.", turn: int = 1, **fields: object) -> int:
    return client.post(f"/work/{project.slug}/attack/", {"prompt": text, "turn": turn, **fields}).status_code


def label(client: Client, place: Assignment, **fields: object) -> int:
    key = fields.pop("submission", str(submission_key(place, RedTeamAttempt)))
    address = f"/work/{place.item.project.slug}/label/{place.pk}/"
    return client.post(address, {**LABEL, "submission": key, **fields}).status_code


def page(client: Client, project: Project) -> str:
    return client.get(f"/work/{project.slug}/").content.decode()


def attempt_form(client: Client, project: Project) -> str:
    html = page(client, project)
    return html[html.index('<form id="attempt"') : html.index('<form id="leave"')]


def test_a_dialogue_with_one_model_is_led_and_labelled(client: Client, annotator: User) -> None:
    project = joined(annotator, ("one", "two", "three"))
    assert attack(client, project) == 302
    replied("No.")
    assert attack(client, project, "Please?", turn=2) == 302
    replied("Take the key under the mat.")
    html = page(client, project)
    assert "Please?" in html and "Take the key under the mat." in html and "Turn 2 of at most" in html
    dialogue = Dialogue.objects.get()
    assert dialogue.variant is not None
    hidden = dialogue.variant.model_version
    assert set(Response.objects.values_list("model_version", flat=True)) == {hidden.pk}
    assert label(client, dialogue.assignment) == 302
    attempt = RedTeamAttempt.objects.get()
    assert (attempt.risk_categories, attempt.attack_vector) == (LABEL["risk_categories"], "logic manipulation")
    assert (attempt.degree, attempt.violating, attempt.turns, attempt.model_version) == (4, True, 2, hidden)
    dialogue.refresh_from_db()
    assert dialogue.ended_at is not None
    assert Prompt.objects.latest("pk").risk_category == LABEL["risk_categories"][0]
    html = page(client, project)
    assert "Open an attempt" in html and "The model stays hidden" in html


def test_the_model_is_named_nowhere(client: Client, annotator: User) -> None:
    project = joined(annotator)
    attack(client, project)
    address = f"/work/{project.slug}/reply/{Reply.objects.get().pk}/"
    assert "the-hidden-one" not in page(client, project) + client.get(address).content.decode()
    replied()
    seen = page(client, project) + client.get(address).content.decode()
    assert "the-hidden-one" not in seen and "0.8" not in seen
    label(client, Assignment.objects.get())
    assert "the-hidden-one" not in page(client, project) + client.get("/work/").content.decode()


def test_an_attempt_can_be_labelled_once_its_answer_is_complete(client: Client, annotator: User) -> None:
    project = joined(annotator)
    attack(client, project)
    place = Assignment.objects.get()
    assert label(client, place) == 422
    replied()
    assert label(client, place) == 302


@pytest.mark.parametrize("missing", ["risk_categories", "attack_vector", "degree", "violating"])
def test_every_part_of_the_label_is_asked_for(client: Client, annotator: User, missing: str) -> None:
    project = joined(annotator)
    attack(client, project)
    replied()
    assert label(client, Assignment.objects.get(), **{missing: ""}) == 422
    assert not RedTeamAttempt.objects.exists()


def test_sending_twice_is_one_label(client: Client, annotator: User) -> None:
    project = joined(annotator)
    assert [attack(client, project), attack(client, project), attack(client, project, "Other")] == [302, 302, 409]
    replied()
    place = Assignment.objects.get()
    key = str(submission_key(place, RedTeamAttempt))
    assert [label(client, place, submission=key, degree=d) for d in ("4", "4", "2")] == [302, 302, 409]
    assert RedTeamAttempt.objects.get().degree == 4


def test_what_is_chosen_stays_from_turn_to_turn_and_after_a_refresh(client: Client, annotator: User) -> None:
    project = joined(annotator)
    attack(client, project)
    replied()
    attack(client, project, "Please?", turn=2, risk_categories=LABEL["risk_categories"], degree="3")
    html = attempt_form(client, project)
    for value in (*LABEL["risk_categories"], "3"):
        assert f'value="{value}" checked' in html or f'value="{value}" data-key="{value}"' in html
    assert html.count("checked>") == 3
    assert "Please?</textarea>" not in html
    step = f"attempt-{Assignment.objects.get().pk}-3"
    draft = {"step": step, "risk_categories": LABEL["risk_categories"][:1], "prompt": "And now"}
    assert client.post(f"/work/{project.slug}/draft/", draft).status_code == 204
    html = attempt_form(client, project)
    assert "And now</textarea>" in html and html.count("checked>") == 1


def test_prompts_of_the_set_are_asked_of_the_model_at_once(client: Client, annotator: User) -> None:
    project = joined(annotator, own_prompts=False)
    make_item(project, make_prompt(project, "Where is the key?"))
    client.post(f"/work/{project.slug}/take/")
    assert Reply.objects.get().prompt.text == "Where is the key?"


def test_an_empty_pool_says_whom_to_tell(client: Client, annotator: User) -> None:
    project = joined(annotator, ())
    assert "Its sampling pool is empty" in page(client, project)
    assert attack(client, project) == 422


def test_a_failed_answer_is_asked_for_again(client: Client, annotator: User) -> None:
    project = joined(annotator)
    attack(client, project)
    reply = Reply.objects.get()
    job = jobs.claim(Reply, reply.pk)
    assert job is not None
    jobs.finish(job, Job.Status.FAILED, "The model could not be asked.")
    assert "The model could not be asked." in page(client, project)
    client.post(f"/work/{project.slug}/reply/{reply.pk}/again/")
    reply.refresh_from_db()
    assert reply.status == Job.Status.QUEUED


def test_a_skipped_attempt_of_ones_own_leaves_no_trace_in_the_set(client: Client, annotator: User) -> None:
    project = joined(annotator)
    attack(client, project)
    place = Assignment.objects.get()
    client.post(f"/work/{project.slug}/skip/", {"step": f"attempt-{place.pk}-2"})
    assert not Assignment.objects.exists() and not Reply.objects.exists()
    assert not Draft.objects.exists()


def test_a_dialogue_ends_after_its_turns(client: Client, annotator: User) -> None:
    project = joined(annotator, max_turns=1)
    attack(client, project)
    replied()
    assert "Your next message" not in page(client, project)
    assert attack(client, project, "More", turn=2) == 409


def test_the_model_is_drawn_anew_for_each_attempt(annotator: User) -> None:
    project = joined(annotator, ("one", "two"))
    drawn = {attacking.draw(project).model_version.name for _ in range(40)}
    assert drawn == {"one", "two"}  # one alone has a chance of 2 in 10^12
