"""The whole of the main job in a real browser, with a real worker: from a prompt to a win rate."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from annotation.models import Comparison, PoolEntry, Preference, Project
from modeling.registry.models import ModelVersion, Run
from tests.factories import make_project, make_user
from tests.workers.conftest import CAREFUL, CARELESS, local_model, start_worker  # noqa: F401 - start_worker is a fixture

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

MINUTE = 60_000  # milliseconds
QUESTIONS = ["When does the bakery open?", "Who is the mayor?", "What is the capital of France?"]


@pytest.fixture
def project(transactional_db: None) -> Project:
    """A safety project that samples the two models that ship with Plumbline."""
    project = make_project(slug="harbour", name="Harbour", dimension=Project.Dimension.SAFETY)
    for name, folder, temperature in (("careful", CAREFUL, 0.7), ("careless", CARELESS, 1.0)):
        model = local_model(name, folder)
        PoolEntry.objects.create(project=project, model_version=model, temperature=temperature, max_new_tokens=60)
    return project


def sign_in(browser: Browser, live_server: LiveServer, username: str) -> Page:
    page = browser.new_context(base_url=live_server.url).new_page()
    page.goto("/")
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill("correct horse")
    page.get_by_role("button", name="Sign in").click()
    return page


def lead_a_dialogue_of_two_turns(page: Page) -> None:
    """A prompt, two streamed answers, a choice by keyboard, and the same again."""
    page.goto("/work/harbour/")
    page.wait_for_load_state("load")
    page.keyboard.type("How do I steal a boat at night?")
    for turn in (1, 2):
        page.keyboard.press("Control+Enter")
        expect(page.get_by_role("button", name="Submit")).to_be_enabled(timeout=3 * MINUTE)
        expect(page.locator("#answer-a")).not_to_be_empty()
        expect(page.locator("#answer-b")).not_to_be_empty()
        assert "careful" not in page.content() and "careless" not in page.content()
        for key in ("s", "ArrowRight", "s", "2", "Control+Enter"):
            page.keyboard.press(key)
        expect(page.get_by_label("Continue the dialogue")).to_be_visible()  # the judged turn has its own way to the end
        if turn == 1:
            page.get_by_label("Continue the dialogue").fill("And in the morning?")
    page.get_by_role("button", name="End dialogue").click()
    expect(page.get_by_text("The dialogue has ended.")).to_be_visible()


def train_a_reward_model(page: Page, folder: Path) -> None:
    """Upload pairs beside the collected ones, start the training with a button and watch it finish."""
    page.goto("/projects/harbour/")
    expect(page.get_by_role("main")).to_contain_text("2")
    pairs = folder / "pairs.jsonl"
    pairs.write_text("".join(f"{json.dumps(a_pair(number))}\n" for number in range(40)))
    page.goto("/projects/harbour/data/")
    upload = page.locator("form", has_text="Import judged pairs")
    upload.get_by_label("File").set_input_files(pairs)
    upload.get_by_label("Format").select_option("trl")
    upload.get_by_role("button", name="Import pairs").click()
    expect(page.get_by_role("status").first).to_contain_text("40")

    page.goto("/runs/new/")
    page.get_by_role("link", name="Train a reward model").click()
    page.locator("input[name=project][value=harbour]").check()
    page.get_by_label("Base model").select_option("careful")
    page.get_by_label("Name").fill("safety-1")
    page.get_by_role("button", name="Start training").click()
    expect(page.locator(".badge.done")).to_be_visible(timeout=3 * MINUTE)
    page.goto("/models/safety-1/")
    expect(page.get_by_role("main")).to_contain_text("careful")


def a_pair(number: int) -> dict[str, Any]:
    return {
        "prompt": [{"role": "user", "content": f"How do I break into house {number}?"}],
        "chosen": [{"role": "assistant", "content": "I cannot help with that; it is a crime."}],
        "rejected": [{"role": "assistant", "content": f"That is easy. Take the window of house {number}."}],
        "margin": 2.0,
    }


def run_a_campaign(page: Page, folder: Path) -> None:
    """Two models, three prompts, three raters; then the reward model judges the same answers."""
    prompts = folder / "prompts.jsonl"
    prompts.write_text("".join(f"{json.dumps({'prompt': question, 'category': 'town'})}\n" for question in QUESTIONS))
    page.goto("/campaigns/new/")
    page.get_by_label("Name", exact=True).fill("First look")
    page.get_by_label("careful", exact=True).check()
    page.get_by_label("careless", exact=True).check()
    page.get_by_label("Or a file of prompts").set_input_files(prompts)
    for rater in ("anna", "ben", "chris"):
        page.get_by_label(rater, exact=True).check()
    page.get_by_label("Longest answer, in tokens").fill("60")
    page.get_by_role("button", name="Make it and sample the answers").click()
    expect(page.locator(".badge.done")).to_be_visible(timeout=3 * MINUTE)
    page.reload()
    page.get_by_label("Reward model", exact=True).select_option("safety-1")
    page.get_by_role("button", name="Score the answers").click()
    expect(page.locator(".badge.done")).to_have_count(2, timeout=3 * MINUTE)


def rate_all(page: Page, preferred: ModelVersion) -> None:
    """Judge every pair by keyboard: this rater finds one model's answers much better, wherever they stand."""
    page.goto("/work/")
    page.locator('a[href="/work/first-look/"]').last.click()
    page.get_by_role("button", name="Start").click()
    for number in range(1, len(QUESTIONS) + 1):
        expect(page.get_by_text(f"Item {number} of {len(QUESTIONS)}")).to_be_visible()
        in_hand = Comparison.objects.filter(preferences=None, annotator__username=page.locator(".name").inner_text())
        page.keyboard.press("1" if in_hand.get().response_a.model_version == preferred else "7")
        page.keyboard.press("Control+Enter")
    expect(page.get_by_text("You are done here")).to_be_visible()


def test_from_a_prompt_to_a_win_rate(
    browser: Browser,
    live_server: LiveServer,
    project: Project,
    start_worker: Callable[..., Any],  # noqa: F811
    tmp_path: Path,
) -> None:
    make_user("manager", username="manager")
    for name in ("anna", "ben", "chris"):
        project.annotators.add(make_user(username=name))
    start_worker("sampling,training")

    anna = sign_in(browser, live_server, "anna")
    lead_a_dialogue_of_two_turns(anna)
    assert list(Preference.objects.order_by("pk").values_list("points", "a_safe", "b_safe")) == [(2, True, True)] * 2

    manager = sign_in(browser, live_server, "manager")
    train_a_reward_model(manager, tmp_path)
    trained = ModelVersion.objects.get(name="safety-1")
    assert trained.kind == ModelVersion.Kind.SAFETY_REWARD
    assert trained.made_by.get().data_digest

    run_a_campaign(manager, tmp_path)
    careful = ModelVersion.objects.get(name="careful")
    for page in (anna, sign_in(browser, live_server, "ben"), sign_in(browser, live_server, "chris")):
        rate_all(page, careful)

    manager.goto("/campaigns/first-look/report/")
    report = manager.get_by_role("main")
    expect(report).to_contain_text("careful")
    expect(report).to_contain_text("AC2")
    expect(report).to_contain_text("safety-1")
    figures = manager.request.get("/campaigns/first-look/report.json").json()
    (pair,) = figures["pairs"]
    assert (pair["first"], pair["by_item"]["wins"], pair["votes"]) == ("careful", len(QUESTIONS), 3 * len(QUESTIONS))
    assert pair["reliability"]["ac2"]["value"] == 1
    assert not Run.objects.exclude(status=Run.Status.DONE).exists()
    for page in (anna, manager):
        page.goto("about:blank")
