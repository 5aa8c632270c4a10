"""A served model is registered by one command, answers in comparisons and campaigns, and is never trained from."""

import json
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from annotation.models import Project, Prompt, Response
from evaluation.campaigns import create_campaign, start_sampling, take_prompts
from modeling.registry.jobs import claim
from modeling.registry.models import Job, ModelVersion, Run, samplable_models
from tests.serving import Server, fails, says, serving, streams
from tests.workers.conftest import local_model, queued_comparison
from workers.carrying import JobError, carry_out
from workers.loading import reward_model_of
from workers.runs import execute
from workers.sampling import sample

pytestmark = pytest.mark.django_db


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


def register(server: Server, name: str = "served", **options: Any) -> dict[str, Any]:
    output = StringIO()
    asked = {"endpoint": server.url, "model": "org/llama", "name": name, **options}
    call_command("register_model", **asked, stdout=output, stderr=StringIO())
    return dict(json.loads(output.getvalue().splitlines()[-1]))


def test_an_endpoint_is_asked_for_a_token_and_registered(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARBOUR_KEY", "secret")
    figures = register(server, key_variable="HARBOUR_KEY", activate=True)
    assert (figures["new"], figures["endpoint"], figures["remote_model"]) == (True, server.url, "org/llama")
    [(_, authorization, body)] = server.asked
    assert (authorization, body["max_tokens"]) == ("Bearer secret", 1)
    model = ModelVersion.objects.get()
    assert (model.backend, model.kind, model.stage, model.key_variable) == (
        "endpoint",
        "policy",
        "active",
        "HARBOUR_KEY",
    )
    assert list(samplable_models()) == [model]
    assert register(server, key_variable="HARBOUR_KEY")["new"] is False


def test_an_endpoint_that_does_not_answer_is_not_registered(server: Server) -> None:
    server.otherwise = fails(404, "no model org/llama")
    with pytest.raises(CommandError, match=r"answered 404: no model org/llama\. Check the URL"):
        register(server)
    assert not ModelVersion.objects.exists()


def test_a_name_never_changes_its_endpoint(server: Server) -> None:
    register(server)
    with pytest.raises(CommandError, match="belongs to another model"):
        register(server, model="org/other")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({}, "Give either the folder of a checkpoint or --endpoint"),
        ({"path": "/tmp", "endpoint": "http://host/v1"}, "Give either"),
        ({"endpoint": "http://host/v1", "kind": "safety_reward"}, "An endpoint serves a policy"),
        ({"endpoint": "http://host/v1"}, "the endpoint's model must be"),
    ],
)
def test_a_command_that_says_too_little_or_too_much_is_refused(arguments: dict[str, Any], reason: str) -> None:
    with pytest.raises(CommandError, match=reason):
        call_command("register_model", name="guide", stderr=StringIO(), **arguments)


def test_a_comparison_of_a_served_and_a_local_model_gets_both_answers(project: Project, server: Server) -> None:
    register(server)
    server.otherwise = streams("The", " sea.")
    comparison = queued_comparison(
        project, "Where is the lighthouse?", (ModelVersion.objects.get(), local_model("careful")), max_new_tokens=12
    )
    job = claim(type(comparison), comparison.pk)
    assert job is not None
    carry_out(job, sample)
    comparison.refresh_from_db()
    assert (comparison.status, comparison.error) == (Job.Status.DONE, "")
    served, local = (Response.objects.get(pk=pk) for pk in (comparison.response_a_id, comparison.response_b_id))
    assert (served.text, served.finish_reason, served.prompt_tokens) == ("The sea.", "stop", 11)
    assert local.text


@pytest.mark.parametrize(
    ("status", "said", "shown"),
    [
        (500, "out of memory", "One of the two models could not be asked."),
        (400, "maximum context length is 12", "The conversation is too long for one of the two models."),
    ],
)
def test_an_annotator_does_not_learn_which_model_failed(
    project: Project, server: Server, monkeypatch: pytest.MonkeyPatch, status: int, said: str, shown: str
) -> None:
    register(server)
    monkeypatch.setattr("modeling.chat_completions._pause", lambda *_: 0.0)
    server.otherwise = fails(status, said)
    served = ModelVersion.objects.get()
    comparison = queued_comparison(project, "Where?", (served, served))
    job = claim(type(comparison), comparison.pk)
    assert job is not None
    with pytest.raises(JobError, match=shown) as caught:
        sample(job, lambda: False)
    assert not any(secret in str(caught.value) for secret in (server.url, "served", "llama", said))


def test_a_campaign_of_served_models_is_sampled(server: Server) -> None:
    register(server, "one")
    register(server, "two", model="org/other")
    server.otherwise = says("At the end of the pier.")
    campaign = create_campaign("contest", "Contest", list(ModelVersion.objects.order_by("name")), raters_per_item=1)
    prompts = take_prompts(campaign, [Prompt(messages=[{"role": "user", "content": "Where is the lighthouse?"}])])
    run = start_sampling(campaign, prompts, temperature=0.7, top_p=0.95, max_new_tokens=40, seed=1)
    job = claim(Run, run.pk)
    assert job is not None
    carry_out(job, execute)
    run.refresh_from_db()
    assert (run.status, run.error, run.report["sampled"]) == (Job.Status.DONE, "", 2)
    assert {response.text for response in Response.objects.all()} == {"At the end of the pier."}


def test_a_served_model_has_no_weights_to_load(server: Server) -> None:
    register(server)
    with pytest.raises(ValueError, match="has no checkpoint here: it is served at"):
        reward_model_of(ModelVersion.objects.get())
