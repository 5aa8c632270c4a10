"""The REST API: what it tells, what it takes, and how it says no."""

import json
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from rest_framework.authtoken.models import Token

from annotation.models import Assignment, Batch, Item, Project, Prompt
from modeling.registry.models import ModelVersion, Run
from tests.factories import make_comparison, make_model, make_preference, make_project, make_prompt, make_user

pytestmark = pytest.mark.django_db


def client_of(role: str) -> Client:
    """A program that calls with the token of somebody of this role."""
    return Client(headers={"authorization": f"Token {Token.objects.create(user=make_user(role)).key}"})


@pytest.fixture
def api() -> Client:
    return client_of("manager")


def get(api: Client, path: str, **query: Any) -> Any:
    answer = api.get(f"/api/v1/{path}/", query)
    assert answer.status_code == 200, answer.content
    return answer.json()


def post(api: Client, path: str, body: Any) -> Any:
    return api.post(f"/api/v1/{path}/", body, content_type="application/json")


def test_the_schema_is_valid(tmp_path: Any) -> None:
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(tmp_path / "schema.yml"))


def test_a_call_without_a_token_is_told_so() -> None:
    answer = Client().get("/api/v1/projects/")
    assert answer.status_code == 401
    assert answer.json() == {"detail": "Authentication credentials were not provided."}


def test_a_session_needs_the_csrf_token_to_write() -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_user("manager"))
    assert client.get("/api/v1/projects/").status_code == 200
    answer = post(client, "prompts", {"project": make_project().slug, "prompts": [{"prompt": "Why?"}]})
    assert answer.status_code == 403
    assert "CSRF" in answer.json()["detail"]
    assert Prompt.objects.count() == 0


def test_a_project_says_how_many_judgements_it_holds(api: Client) -> None:
    project = make_project(slug="safety", dimension="safety", target=10)
    first = make_preference(make_comparison(project), points=2)
    first.current = False
    first.save()
    make_preference(first.comparison, points=3, revision=2)
    make_preference(make_comparison(project), points=8)
    make_comparison(project)
    told = get(api, "projects/safety")
    assert (told["judgements"], told["target"], told["scale"], told["dimension"]) == (2, 10, 8, "safety")


def test_a_comparison_comes_with_its_current_judgement_alone(api: Client) -> None:
    model = make_model("writer")
    comparison = make_comparison(make_project(), a="Yes.", b="No.", model_a=model)
    old = make_preference(comparison, points=8)
    old.current = False
    old.save()
    make_preference(comparison, points=2, revision=2)
    told = get(api, f"comparisons/{comparison.pk}")
    assert (told["response_a"]["text"], told["response_b"]["text"]) == ("Yes.", "No.")
    assert told["response_a"]["origin"]["model"] == "writer"
    assert told["response_b"]["origin"]["model"] is None
    preference = told["preference"]
    assert (preference["revision"], preference["choice"], preference["points"]) == (2, "a", 2)
    assert preference["rating"] == "better"


def test_a_reviewer_reads_comparisons_and_not_who_wrote_the_answers() -> None:
    comparison = make_comparison(make_project(), model_a=make_model("writer"), model_b=make_model("other"))
    make_preference(comparison)
    answer = client_of("reviewer").get(f"/api/v1/comparisons/{comparison.pk}/")
    assert answer.json()["response_a"]["origin"] is None
    assert b"writer" not in answer.content


def test_a_list_takes_as_many_queries_for_many_rows_as_for_one(
    api: Client, django_assert_num_queries: Any, django_assert_max_num_queries: Any
) -> None:
    project, model = make_project(), make_model()
    make_preference(make_comparison(project, model_a=model, model_b=model, annotator=make_user()))
    get(api, "comparisons")  # notes that its person was here, which the next minutes need not
    with django_assert_max_num_queries(12) as first:
        get(api, "comparisons")
    for _ in range(5):
        make_preference(make_comparison(project, model_a=make_model(), annotator=make_user()))
    with django_assert_num_queries(len(first)):
        assert get(api, "comparisons")["count"] == 6


def test_lists_come_in_pages(api: Client) -> None:
    project = make_project()
    for _ in range(5):
        make_prompt(project)
    page = get(api, "prompts", limit=2, offset=2)
    everything = get(api, "prompts")
    assert page["count"] == 5
    assert page["results"] == everything["results"][2:4]


def test_each_filter_leaves_what_it_names(api: Client) -> None:
    project, other = make_project(), make_project()
    batch = Batch.objects.create(project=project, number=7)
    prompts = [make_prompt(project, batch=batch), make_prompt(project), make_prompt(other)]
    for prompt, side in zip(prompts, ("test", "train", "test"), strict=True):
        Prompt.objects.filter(pk=prompt.pk).update(split=side)
    kept = {prompt["id"] for prompt in get(api, "prompts", project=project.slug)["results"]}
    assert kept == {prompts[0].pk, prompts[1].pk}
    assert [prompt["id"] for prompt in get(api, "prompts", batch=7)["results"]] == [prompts[0].pk]
    assert [prompt["id"] for prompt in get(api, "prompts", split="train")["results"]] == [prompts[1].pk]
    running = make_comparison(project, prompts[0], status="running")
    make_comparison(project, prompts[0])
    assert [row["id"] for row in get(api, "comparisons", status="running")["results"]] == [running.pk]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"split": "dev"}, {"split": ['must be one of train, test, got "dev"']}),
        ({"project": "nowhere"}, {"project": ['there is none with slug "nowhere"']}),
        ({"batch": "first"}, {"batch": ["A valid integer is required."]}),
        (
            {"author__password": "a"},
            {"author__password": ["unknown name, expected one of: limit, offset, project, batch, split"]},
        ),
    ],
)
def test_a_filter_that_is_wrong_or_unknown_is_an_error(api: Client, query: dict[str, str], expected: Any) -> None:
    answer = api.get("/api/v1/prompts/", query)
    assert answer.status_code == 400
    assert answer.json() == expected


def test_prompts_are_added_with_a_place_for_each_annotator(api: Client) -> None:
    project = make_project(slug="helpful", overlap=2)
    rows = [
        {"prompt": "What is a plumb line?", "category": "building"},
        {"messages": [{"role": "user", "content": "And a level?"}]},
    ]
    answer = post(api, "prompts", {"project": "helpful", "prompts": rows})
    assert answer.status_code == 201
    assert answer.json() == {"project": "helpful", "rows": 2, "new": 2, "already_there": 0, "places": 4}
    assert [prompt.text for prompt in project.prompts.order_by("pk")] == ["What is a plumb line?", "And a level?"]
    assert Assignment.objects.filter(item__project=project, status="open").count() == 4


def test_one_wrong_prompt_keeps_all_out_and_is_named_by_its_index(api: Client) -> None:
    make_project(slug="helpful")
    rows: list[Any] = [{"prompt": "Good."}, {"prompt": ""}, {"promt": "Typo."}]
    answer = post(api, "prompts", {"project": "helpful", "prompts": rows})
    assert answer.status_code == 400
    assert answer.json() == {
        "prompts": {
            "1": ["prompt must not be empty"],
            "2": ["expected a field prompt, messages or turns, got promt"],
        }
    }
    assert Prompt.objects.count() == 0
    assert Item.objects.count() == 0


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"prompts": [{"prompt": "Why?"}]}, "project"),
        ({"project": "helpful"}, "prompts"),
        ({"project": "helpful", "prompts": []}, "prompts"),
        ({"project": "helpful", "prompts": ["Why?"]}, "prompts"),
        ({"project": "helpful", "prompts": [{"prompt": "Why?"}], "split": "test"}, "split"),
        (["Why?"], "non_field_errors"),
    ],
)
def test_a_body_that_is_not_as_described_names_the_field(api: Client, body: Any, field: str) -> None:
    make_project(slug="helpful")
    answer = post(api, "prompts", body)
    assert answer.status_code == 400
    assert list(answer.json()) == [field]
    assert Prompt.objects.count() == 0


def test_broken_json_is_an_error_in_json(api: Client) -> None:
    answer = api.post("/api/v1/prompts/", "{", content_type="application/json")
    assert answer.status_code == 400
    assert "JSON parse error" in answer.json()["detail"]


def a_trainable_project(slug: str) -> Project:
    project = make_project(slug=slug, dimension="safety")
    for number in range(4):
        prompt = make_prompt(project, f"Question {number} of {slug}?")
        Prompt.objects.filter(pk=prompt.pk).update(split="train")
        make_preference(make_comparison(project, prompt), points=1)
    return project


def test_a_training_is_started_as_from_the_page(api: Client) -> None:
    a_trainable_project("safety")
    make_model("base", backend=ModelVersion.Backend.LOCAL, path="/models/base")
    body = {"projects": ["safety"], "base": "base", "name": "reward-1", "settings": {"epochs": 2, "margin": "large"}}
    answer = post(api, "runs", body)
    assert answer.status_code == 201, answer.content
    run = Run.objects.get()
    assert answer.json()["id"] == run.pk
    assert (run.name, run.status) == ("reward-1", "queued")
    assert run.config["settings"] == {"epochs": 2, "margin": "large"}
    assert run.config["dimension"] == "safety"


def test_every_recipe_can_be_started(api: Client) -> None:
    a_trainable_project("safety")
    base = make_model("base", backend=ModelVersion.Backend.LOCAL, path="/models/base")
    for kind in ("helpfulness_reward", "safety_reward"):
        make_model(kind.replace("_", "-"), kind=kind, backend=ModelVersion.Backend.LOCAL, path="/models/judge")
    body: dict[str, Any] = {"kind": "ppo", "projects": ["safety"], "base": "base"}
    body |= {"helpfulness_reward": "helpfulness-reward", "safety_reward": "safety-reward"}
    body |= {"name": "policy-1", "settings": {"iterations": 3, "beta": 0.02}}
    answer = post(api, "runs", body)
    assert answer.status_code == 201, answer.content
    run = Run.objects.get()
    assert (run.kind, run.config["safety_reward"]) == ("ppo", "safety-reward")
    assert set(run.inputs.values_list("name", flat=True)) == {base.name, "helpfulness-reward", "safety-reward"}
    assert run.config["settings"] == {"iterations": 3, "beta": 0.02}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"base": "nobody"}, {"base": ['there is none with name "nobody"']}),
        ({"settings": {"epochs": 0}}, {"settings": {"epochs": ["epochs must be between 1 and 100, got 0"]}}),
        (
            {"settings": {"margin": "huge"}},
            {"settings": {"margin": ["margin must be one of small, large, none, got 'huge'"]}},
        ),
        ({"settings": {"epochs": "two"}}, {"settings": {"epochs": ["epochs must be a whole number, got 'two'"]}}),
        ({"settings": {"epoch": 2}}, "unknown name, expected one of: epochs, batch_size, "),
        ({"projects": ["empty"]}, "0 preferences to train on"),
        ({"projects": [], "dimension": "safety"}, "no project to train on"),
        ({"base": "named"}, "has no checkpoint"),
        ({"policy": "base"}, {"policy": ["reward_model takes no policy: leave it out"]}),
        ({"kind": "ppo"}, "helpfulness_reward is missing: name a registered model."),
        ({"kind": "scoring"}, "must be one of sft, reward_model, rejection_sampling, ppo, dpo, "),
    ],
)
def test_a_training_that_can_not_start_says_why_and_leaves_nothing(
    api: Client, change: dict[str, Any], expected: Any
) -> None:
    a_trainable_project("safety")
    make_project(slug="empty", dimension="safety")
    make_model("base", backend=ModelVersion.Backend.LOCAL, path="/models/base")
    make_model("named")
    answer = post(api, "runs", {"projects": ["safety"], "base": "base", "name": "reward-1"} | change)
    assert answer.status_code == 400
    if isinstance(expected, dict):
        assert answer.json() == expected
    else:
        assert expected in json.dumps(answer.json())
    assert Run.objects.count() == 0


def test_a_model_does_not_tell_where_it_lies_on_the_server(api: Client) -> None:
    make_model("base", backend=ModelVersion.Backend.LOCAL, path="/secret/place")
    assert "/secret/place" not in json.dumps(get(api, "models/base"))


def test_a_token_is_shown_once_and_replaced_at_will(client: Client) -> None:
    client.force_login(make_user("manager"))
    first = client.post("/api/v1/token/").context["new"].key
    assert first not in client.get("/api/v1/").content.decode()
    second = client.post("/api/v1/token/").context["new"].key
    assert Client(headers={"authorization": f"Token {first}"}).get("/api/v1/projects/").status_code == 401
    assert Client(headers={"authorization": f"Token {second}"}).get("/api/v1/projects/").status_code == 200


@pytest.mark.parametrize("page", ["limit=abc", "limit=0", "limit=1001", "offset=-1"])
def test_a_page_that_is_none_is_an_error(page: str) -> None:
    answer = client_of("manager").get(f"/api/v1/projects/?{page}")
    assert answer.status_code == 400
    assert page.split("=")[0] in answer.json()
