"""Models with their lineage, runs that are followed, cancelled, taken up again and started from a form."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from annotation.models import DatasetSnapshot, Prompt
from evaluation.wording import NONE
from modeling.registry.models import ModelVersion, Run, RunMetric, Worker
from tests.factories import make_comparison, make_model, make_preference, make_project, make_prompt, make_user
from webapp.dashboards.runs import LOG_TAIL, MOST_POINTS, curves, log_tail

pytestmark = pytest.mark.django_db


@pytest.fixture
def manager(client: Client) -> Client:
    client.force_login(make_user("manager"))
    return client


def a_checkpoint(name: str, **fields: Any) -> ModelVersion:
    return make_model(name, backend=ModelVersion.Backend.LOCAL, path=f"/models/{name}", **fields)


def a_run(**fields: Any) -> Run:
    return Run.objects.create(**({"kind": Run.Kind.REWARD_MODEL, "name": "reward-1"} | fields))


# Models ---------------------------------------------------------------------------------------------------------------


def test_a_model_shows_where_it_comes_from_and_what_came_of_it(manager: Client) -> None:
    base, child = a_checkpoint("base"), a_checkpoint("child")
    accuracy = {"n": 400, "accuracy": 0.64, "low": 0.592, "high": 0.686}
    reward = a_checkpoint("reward", figures={"accuracy": accuracy, "accuracy_by_rating": {"better": accuracy}})
    reward.parents.add(base)
    child.parents.add(reward)
    run = a_run(output=reward, data_digest="d" * 64)
    source = make_project(name="The source")
    for _ in range(2):  # another run read the same
        DatasetSnapshot.objects.create(project=source, digest="d" * 64, rows=2299)
    page = manager.get("/models/reward/")
    assert [snapshot.project for snapshot in page.context["snapshots"]] == [source]
    text = page.content.decode()
    for expected in ("/models/base/", "/models/child/", f"/runs/{run.pk}/", "The source", "2,299 rows", "d" * 64):
        assert expected in text
    assert [(label, found.n, found.x, found.x_low, found.x_high) for label, found in page.context["accuracies"]] == [
        ("all held-out pairs", 400, 64.0, 59.2, 68.6),
        ("rated better", 400, 64.0, 59.2, 68.6),
    ]


def test_a_model_is_promoted_and_retired(manager: Client) -> None:
    model = a_checkpoint("base")
    for stage in ("active", "retired", "candidate"):
        manager.post("/models/base/stage/", {"stage": stage})
        model.refresh_from_db()
        assert model.stage == stage


def test_an_unknown_stage_changes_nothing_and_is_named(manager: Client) -> None:
    model = a_checkpoint("base")
    page = manager.post("/models/base/stage/", {"stage": "famous"}, follow=True)
    assert "A stage is one of candidate, active, retired, got &#x27;famous&#x27;." in page.content.decode()
    model.refresh_from_db()
    assert model.stage == "candidate"


def test_a_model_joins_a_pool_from_its_own_page_once(manager: Client) -> None:
    model, project = a_checkpoint("base"), make_project(name="Weekly")
    entry = {"project": project.pk, "temperature": "0.9", "top_p": "1", "max_new_tokens": "100"}
    manager.post("/models/base/pool/", entry)
    assert project.pool.get().model_version == model
    page = manager.post("/models/base/pool/", entry)
    assert "base at temperature 0.9 and top-p 1 is in the pool of Weekly already" in page.content.decode()
    assert project.pool.count() == 1


# Runs -----------------------------------------------------------------------------------------------------------------


def test_a_run_is_polled_while_it_goes_on_and_no_longer(manager: Client) -> None:
    run = a_run(status="running", progress=0.25, progress_note="step 5 of 20")
    Worker.objects.create(name="here", seen_at=timezone.now(), queues="training")
    live = manager.get(f"/runs/{run.pk}/", headers={"hx-request": "true"}).content.decode()
    assert f'hx-get="/runs/{run.pk}/" hx-trigger="every 1s"' in live
    assert "25 % · step 5 of 20" in live
    assert "<html" not in live
    Run.objects.update(status="done", finished_at=timezone.now())
    assert "hx-trigger" not in manager.get(f"/runs/{run.pk}/", headers={"hx-request": "true"}).content.decode()


def test_the_list_of_runs_is_polled_only_while_one_goes_on(manager: Client) -> None:
    run = a_run(status="queued")
    assert 'hx-trigger="every 1s"' in manager.get("/runs/").content.decode()
    Run.objects.filter(pk=run.pk).update(status="failed")
    assert "hx-trigger" not in manager.get("/runs/").content.decode()


def test_a_run_that_waits_for_a_worker_says_so(manager: Client) -> None:
    run = a_run()
    Worker.objects.create(name="sampler", seen_at=timezone.now(), queues="sampling")
    assert "No worker was heard of lately" in manager.get(f"/runs/{run.pk}/").content.decode()
    Worker.objects.create(name="trainer", seen_at=timezone.now(), queues="training")
    assert "No worker was heard of lately" not in manager.get(f"/runs/{run.pk}/").content.decode()


def test_a_long_curve_is_thinned_to_means(manager: Client) -> None:
    run = a_run()
    steps = 10 * MOST_POINTS
    RunMetric.objects.bulk_create(RunMetric(run=run, step=step, name="loss", value=step % 2) for step in range(steps))
    RunMetric.objects.create(run=run, step=1, name="learning_rate", value=1.0)
    loss, learning_rate = curves(run)
    assert (loss.name, learning_rate.name) == ("loss", "learning_rate")
    assert len(loss.points.split()) == MOST_POINTS
    assert (loss.low, loss.high, loss.latest, loss.last_step) == (0.5, 0.5, 0.5, steps - 1)


def test_a_curve_runs_from_corner_to_corner() -> None:
    run = a_run()
    for step, value in ((1, 2.0), (2, 1.0), (3, 0.0)):
        RunMetric.objects.create(run=run, step=step, name="loss", value=value)
    (loss,) = curves(run)
    assert loss.points == "0.0,0.0 240.0,80.0 480.0,160.0"


def test_every_figure_of_a_recipe_is_a_curve_what_it_is_about_first_and_its_speed_last() -> None:
    run = a_run(kind=Run.Kind.PPO)
    for name in ("answers_per_second", "clipped_share", "kl", "gradient_norm", "reward", "explained_variance"):
        RunMetric.objects.create(run=run, step=1, name=name, value=0.5)
    found = [curve.name for curve in curves(run)]
    assert found == ["reward", "kl", "clipped_share", "explained_variance", "answers_per_second", "gradient_norm"]


def test_the_closing_figures_of_any_recipe_are_shown_and_its_long_lists_are_not(manager: Client) -> None:
    share = {"n": 40, "accuracy": 0.75, "low": 0.598, "high": 0.858}
    start, end = ({"iteration": number, "reward": reward} for number, reward in ((0, 0.25), (20, 0.625)))
    report = {
        "answers": 12800,
        "seconds": 75.25,
        "identity": {"seed": 0},
        "ended": share,
        "start": start,
        "end": end,
        "reward": {"before": {"mean": -1.5, "low": -2.0, "high": -1.0, "n": 100}, "after": None},
        "distribution": {"edges": [0, 1], "counts": {"plain": list(range(500))}},
        "left_out": {"opens like a held-out prompt": 7},
    }
    run = a_run(kind=Run.Kind.PPO, status="done", report=report)
    page = manager.get(f"/runs/{run.pk}/")
    closing = page.context["closing"]
    assert closing.facts == [("answers", "12,800"), ("seconds", "75.25 s")]
    assert [(label, found.n, found.x) for label, found in closing.shares] == [("ended", 40, 75.0)]
    by_title = {table.title: table for table in closing.tables}
    assert by_title["start, end"].rows == [("iteration", ["0", "20"]), ("reward", ["0.25", "0.625"])]
    assert by_title["reward"].rows == [("before", ["-1.5 (-2 to -1)"]), ("after", [NONE])]
    assert by_title["left out"].rows == [("opens like a held-out prompt", ["7"])]
    assert len(by_title) == 3
    assert "12,800" in page.content.decode()


def test_only_the_end_of_a_long_log_is_shown_from_a_whole_line_on(tmp_path: Path) -> None:
    run = a_run(folder=str(tmp_path))
    assert log_tail(run) == ""
    (tmp_path / "log.txt").write_text("step 1\n")
    assert log_tail(run) == "step 1\n"
    (tmp_path / "log.txt").write_text("".join(f"step {number:05d}\n" for number in range(5000)))
    shown = log_tail(run)
    assert shown.endswith("step 04999\n")
    assert len(shown) <= LOG_TAIL
    assert {len(line) for line in shown.splitlines()} == {10}


def test_a_running_run_is_asked_to_stop_and_one_that_is_over_is_left(manager: Client) -> None:
    running, done = a_run(status="running"), a_run(status="done")
    manager.post(f"/runs/{running.pk}/cancel/")
    page = manager.post(f"/runs/{done.pk}/cancel/", follow=True)
    assert "nothing to cancel: the run is done already" in page.content.decode()
    assert list(Run.objects.order_by("pk").values_list("cancel_requested", flat=True)) == [True, False]


def test_a_failed_run_is_queued_again_and_one_that_is_done_is_not(manager: Client) -> None:
    failed, done = a_run(status="failed", error="The disk is full.", attempts=3), a_run(status="done")
    manager.post(f"/runs/{failed.pk}/retry/")
    failed.refresh_from_db()
    assert (failed.status, failed.error, failed.attempts) == ("queued", "", 0)
    page = manager.post(f"/runs/{done.pk}/retry/", follow=True)
    assert "only a failed or cancelled run is resumed" in page.content.decode()
    done.refresh_from_db()
    assert done.status == "done"


# Starting -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def ready() -> dict[str, str]:
    """What a person types to train on a project that has enough judgements."""
    project = make_project(slug="safety", dimension="safety")
    for number in range(4):
        prompt = make_prompt(project, f"Question {number}?")
        Prompt.objects.filter(pk=prompt.pk).update(split="train")
        make_preference(make_comparison(project, prompt), points=1)
    make_project(slug="empty", dimension="safety")
    a_checkpoint("base", parameters=2_000_000)
    return {"project": "safety", "base": "base", "name": "new-1"}


def test_one_chooses_a_recipe_and_gets_its_form_with_what_was_known_already(manager: Client) -> None:
    page = manager.get("/runs/new/", {"project": "safety"}).content.decode()
    for kind in ("sft", "reward_model", "rejection_sampling", "ppo", "dpo", "ghost_attention", "context_distillation"):
        assert f'href="/runs/new/{kind}/?project=safety"' in page
    assert manager.get("/runs/new/alchemy/").status_code == 404


@pytest.mark.parametrize("kind", ["sft", "reward_model", "dpo"])
def test_a_training_is_queued_with_the_settings_that_were_filled_in(
    manager: Client, ready: dict[str, str], kind: str
) -> None:
    answer = manager.post(f"/runs/new/{kind}/", ready | {"epochs": "2", "learning_rate": "3e-4"})
    run = Run.objects.get()
    assert answer["Location"] == f"/runs/{run.pk}/"
    assert (run.kind, run.status, run.name) == (kind, "queued", "new-1")
    assert run.config["settings"] == {"epochs": 2, "learning_rate": 0.0003}
    assert run.config["projects"] == ["safety"]
    assert run.config.get("dimension") == ("safety" if kind == "reward_model" else None)
    assert [model.name for model in run.inputs.all()] == ["base"]


def test_a_policy_is_trained_against_the_reward_models_that_were_chosen(manager: Client, ready: dict[str, str]) -> None:
    a_checkpoint("kind-judge", kind="helpfulness_reward")
    a_checkpoint("strict-judge", kind="safety_reward")
    judges = {"helpfulness_reward": "kind-judge", "safety_reward": "strict-judge"}
    for kind, more in (("ppo", {}), ("rejection_sampling", {"policy": "base", "temperatures": "0.7, 1"})):
        manager.post(f"/runs/new/{kind}/", ready | judges | more | {"name": kind})
        run = Run.objects.get(name=kind)
        assert run.config | judges == run.config
        assert {model.name for model in run.inputs.all()} == {"base", "kind-judge", "strict-judge"}
    assert run.config["settings"] == {"temperatures": [0.7, 1.0]}


def test_a_batch_that_mini_batches_do_not_divide_is_refused(manager: Client, ready: dict[str, str]) -> None:
    a_checkpoint("judge", kind="helpfulness_reward")
    typed = ready | {"helpfulness_reward": "judge", "batch_size": "10", "mini_batch_size": "4"}
    page = manager.post("/runs/new/ppo/", typed)
    assert "batch_size must be a multiple of mini_batch_size (4), got 10" in page.content.decode()
    assert not Run.objects.exists()


def test_a_reward_model_cannot_be_chosen_where_a_policy_is_needed(manager: Client, ready: dict[str, str]) -> None:
    a_checkpoint("judge", kind="safety_reward")
    page = manager.post("/runs/new/ppo/", ready | {"base": "judge", "helpfulness_reward": "base"}).content.decode()
    assert page.count("Select a valid choice.") == 2
    assert not Run.objects.exists()


def test_a_mix_takes_projects_of_both_dimensions_and_open_data(manager: Client, ready: dict[str, str]) -> None:
    make_project(slug="helpfulness")
    make_project(slug="public")
    typed = ready | {"project": ["safety", "helpfulness"], "open_project": "public", "mix": "safety"}
    manager.post("/runs/new/reward_model/", typed)
    config = Run.objects.get().config
    assert (config["dimension"], config["settings"]) == ("safety", {"mix": "safety"})
    assert (config["projects"], config["open_projects"]) == (["helpfulness", "safety"], ["public"])


def test_the_form_tells_the_defaults_for_the_size_of_the_base(manager: Client, ready: dict[str, str]) -> None:
    a_checkpoint("large", parameters=7_000_000_000)
    small = manager.get("/runs/new/reward_model/", {"base": "base", "epochs": "3"}).content.decode()
    large = manager.get("/runs/new/reward_model/", {"base": "large"}).content.decode()
    assert 'placeholder="default: 32"' in small
    assert 'placeholder="default: 512"' in large
    assert "default (none)" in small, "the mix"
    assert 'value="3"' in small  # what was typed stays when another base is chosen


@pytest.mark.parametrize(
    ("typed", "error"),
    [
        ({"epochs": "0"}, "epochs must be between 1 and 100, got 0"),
        ({"learning_rate": "1"}, "learning_rate must be between 1e-08 and 0.1, got 1.0"),
        ({"learning_rate": "nan"}, "Enter a number."),
        ({"batch_size": "many"}, "Enter a whole number."),
        ({"name": "two words"}, "Enter a valid"),
        ({"name": "base"}, "There is a model named &quot;base&quot; already: choose another name."),
        ({"project": "empty"}, "0 preferences to train on"),
        ({"base": "nobody"}, "Select a valid choice."),
    ],
)
def test_a_training_that_can_not_start_says_why_and_keeps_what_was_typed(
    manager: Client, ready: dict[str, str], typed: dict[str, str], error: str
) -> None:
    page = manager.post("/runs/new/reward_model/", ready | {"seed": "1234"} | typed)
    assert error in page.content.decode()
    assert 'value="1234"' in page.content.decode()
    assert Run.objects.count() == 0


def test_a_second_training_of_the_same_name_is_refused_while_the_first_goes_on(
    manager: Client, ready: dict[str, str]
) -> None:
    manager.post("/runs/new/sft/", ready)
    page = manager.post("/runs/new/dpo/", ready)
    assert "is making a model named" in page.content.decode()
    assert Run.objects.count() == 1


def test_a_run_that_is_over_leads_to_its_form_filled_in(manager: Client, ready: dict[str, str]) -> None:
    settings = {"epochs": 7, "margin": "large"}
    run = a_run(status="failed", config={"projects": ["helpfulness"], "base": "base", "settings": settings})
    again = manager.get(f"/runs/{run.pk}/").context["again"]
    form = manager.get(again).context["form"]
    assert (form["project"].value(), form["base"].value()) == (["helpfulness"], "base")
    assert (form["epochs"].value(), form["margin"].value()) == ("7", "large")


@pytest.mark.parametrize("config", [{"files": {"data": "own.jsonl"}}, {"settings": {"token_budget": 64}}])
def test_what_a_form_can_not_ask_for_leads_to_none(manager: Client, config: dict[str, Any]) -> None:
    run = a_run(status="done", config={"base": "base"} | config)
    assert manager.get(f"/runs/{run.pk}/").context["again"] == ""


def test_the_form_opens_with_the_project_that_one_comes_from(manager: Client, ready: dict[str, str]) -> None:
    page = manager.get("/runs/new/sft/", {"project": "safety"})
    assert page.context["form"]["project"].value() == ["safety"]
    assert 'value="safety" id="id_project_1" checked' in " ".join(page.content.decode().split())


def test_a_run_that_took_a_while_says_how_long(manager: Client) -> None:
    now = timezone.now()
    a_run(status="done", started_at=now - timedelta(minutes=3, seconds=5), finished_at=now)
    assert "3 min 05 s" in manager.get("/runs/").content.decode()
