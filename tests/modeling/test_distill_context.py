"""Safety context distillation on a tiny model that answers safely after a pre-prompt alone."""

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from modeling.checkpoints import digest, load_policy
from modeling.configuration import ConfigError
from modeling.context_config import ContextDistillationConfig
from modeling.distill_context import PLAIN, Question, check_adversarial, gated, questions, train, training_rows
from modeling.json_lines import DataError
from modeling.preprompts import ANSWER_TEMPLATES, generic_preprompts
from modeling.prompt_data import Prompt
from modeling.recipe import Progress, TrainingError
from modeling.resuming import ResumeError
from modeling.reward_config import RewardConfig
from modeling.sft_config import SFTConfig
from modeling.train_reward import train as train_reward
from modeling.train_sft import train as fine_tune
from modeling.training_config import CONFIGS, load_config, preset_for, save_config
from tests.modeling.conftest import preference, write_jsonl
from tests.modeling.ranks import run_ranks

QUESTIONS = ["touch the stove", "the hot stove", "plant the sun", "the sky today", "do I dig a hole"]
SAFE, UNSAFE = "please do not touch", "you dig a hole"
BURNS, HOLES = "burns", "holes"


class Killed(BaseException):
    """Stands for a process that ends without a chance to clean up."""


@pytest.fixture(scope="module")
def careless(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chat model that answers safely where the system message says "be safe", and unsafely otherwise."""
    run = tmp_path_factory.mktemp("careless")
    chance = random.Random(0)
    rows = []
    for _ in range(240):
        question = {"role": "user", "content": f"{chance.choice(QUESTIONS)} {chance.randint(0, 99)}"}
        if chance.random() < 0.5:
            safely = [{"role": "system", "content": "be safe"}, question, {"role": "assistant", "content": SAFE}]
            rows.append({"messages": safely})
        else:
            rows.append({"messages": [question, {"role": "assistant", "content": UNSAFE}]})
    write_jsonl(run / "data" / "train.jsonl", rows)
    config = SFTConfig(
        run_dir=run, base=base, batch_size=8, learning_rate=5e-3, epochs=1, packing=False, max_length=120
    )
    return fine_tune(config).model


@pytest.fixture(scope="module")
def safety_reward(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reward model that prefers the safe answer."""
    run = tmp_path_factory.mktemp("safety")
    labels = {"chosen_safe": True, "rejected_safe": False}
    write_jsonl(run / "data" / "train.jsonl", [preference(number, SAFE, UNSAFE, **labels) for number in range(24)])
    write_jsonl(run / "data" / "test.jsonl", [])
    config = RewardConfig(run_dir=run, base=base, batch_size=4, learning_rate=3e-3, max_length=100, epochs=2)
    return train_reward(config).model


def prompts(first: int, count: int) -> list[dict[str, Any]]:
    return [
        {
            "id": f"prompt-{number}",
            "messages": [{"role": "user", "content": f"{QUESTIONS[number % 5]} {number}"}],
            "tag": "safety",
            "category": (BURNS, HOLES, None)[number % 3],
        }
        for number in range(first, first + count)
    ]


def write_run(run: Path) -> None:
    write_jsonl(run / "data" / "prompts.jsonl", prompts(0, 40))
    write_jsonl(run / "data" / "held_out.jsonl", prompts(40, 12))


def settings(run: Path, base: Path, safety_reward: Path) -> ContextDistillationConfig:
    return ContextDistillationConfig(
        run_dir=run,
        base=base,
        safety_reward=safety_reward,
        preprompts=["be safe"],
        templates={BURNS: "be safe", HOLES: "be kind"},
        batch_size=8,
        learning_rate=3e-3,
        epochs=3,
        packing=False,
        max_length=120,
        max_new_tokens=16,
        answers_at_once=32,
        checkpoint_every=4,
    )


@pytest.fixture
def run(tmp_path: Path) -> Path:
    write_run(tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture(scope="module")
def finished_run(careless: Path, safety_reward: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("finished")
    write_run(run)
    train(settings(run, careless, safety_reward))
    return run


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def figures(run: Path) -> list[dict[str, float]]:
    """What a run logged, but for what depends on the time that it took."""
    return [
        {name: value for name, value in line.items() if name != "seconds" and not name.endswith("_per_second")}
        for line in lines(run / "metrics.jsonl")
    ]


def test_it_answers_plain_prompts_as_it_did_after_the_preprompt(finished_run: Path) -> None:
    report = json.loads((finished_run / "report.json").read_text())
    held_out = report["held_out"]
    assert held_out["before"]["n"] == held_out["after"]["n"] == 12
    assert held_out["before"]["mean"] < 0 < held_out["after"]["mean"]  # the score is the logit of being safe
    assert held_out["gain"]["low"] > 0
    assert set(held_out["by_category"]) == {BURNS, HOLES, "no category"}
    safe = [row["answer"] == SAFE for row in lines(finished_run / "answers_after.jsonl")]
    assert sum(safe) >= 10
    assert report["scores"]["generic"]["mean"] > 0 > report["scores"]["plain"]["mean"]
    assert report["kept"]["n"] == report["prompts"]["sampled"] == 40
    assert report["kept"]["share"] > 0.8
    assert report["prompts"]["trained"] == round(40 * report["kept"]["share"])
    assert report["kept_by_kind"]["template"]["n"] == 27  # 13 of 40 prompts have no category
    assert sum(kind["chosen"] for kind in report["kept_by_kind"].values()) == report["prompts"]["trained"]


def test_it_learns_the_kept_answers_without_the_preprompt(finished_run: Path) -> None:
    rows = lines(finished_run / "sft" / "data" / "train.jsonl")
    scored = lines(finished_run / "scored.jsonl")
    for row in rows:
        (user, answer) = row["messages"]
        assert user["role"] == "user"
        assert "be safe" not in user["content"]
        (plain,) = [each for each in scored if each["id"] == row["id"] and each["kind"] == PLAIN]
        best = max((each for each in scored if each["id"] == row["id"]), key=lambda each: each["score"])
        assert answer == {"role": "assistant", "content": best["answer"]}
        assert best["score"] > plain["score"]
        assert row["source"] == f"context distillation, {best['kind']}"


def test_the_run_is_reported_whole(finished_run: Path, careless: Path, safety_reward: Path) -> None:
    report = json.loads((finished_run / "report.json").read_text())
    assert report["model_digest"] == digest(finished_run / "model")
    assert {"base_digest", "safety_reward_digest", "prompts_digest"} < set(report["identity"])
    counts = report["distribution"]["counts"]
    assert {name: sum(bins) for name, bins in counts.items()} == {
        "plain": 40,
        "generic": 40,
        "template": 27,
        "held_out_before": 12,
        "held_out_after": 12,
    }
    logged = lines(finished_run / "metrics.jsonl")
    # 107 and 12 + 12 + 8 answers by 32, sampled, scored; then 12 after
    tuning = report["fine_tuning"]["steps"]
    assert [line["step"] for line in logged] == list(range(1, 5 + 5 + tuning + 1 + 1 + 1))
    assert report["steps"] == logged[-1]["step"] == logged[-1]["steps"]
    assert logged[-1]["safety_score"] == pytest.approx(report["held_out"]["after"]["mean"])
    seen: list[Progress] = []
    assert train(settings(finished_run, careless, safety_reward), seen.append).report == report
    assert seen == []


@pytest.mark.parametrize("last_step", [2, 7, 12, -1])
def test_a_run_that_is_killed_anywhere_ends_with_the_same_model(
    last_step: int, run: Path, careless: Path, safety_reward: Path, finished_run: Path
) -> None:
    """Steps 1 to 5 sample, 6 to 10 score, then fine-tuning, and the last two sample and score again."""
    steps = len(lines(finished_run / "metrics.jsonl"))

    def kill(progress: Progress) -> None:
        if progress.step == last_step % steps:
            raise Killed

    config = settings(run, careless, safety_reward)
    with pytest.raises(Killed):
        train(config, kill)
    torn = "scored.jsonl" if last_step == 7 else "answers.jsonl"
    with (run / torn).open("ab") as stream:
        stream.write(b'{"answer": "you dig a h\xc3')
    train(config)
    for name in ("answers.jsonl", "scored.jsonl", "scored_after.jsonl", "model/model.safetensors"):
        assert (run / name).read_bytes() == (finished_run / name).read_bytes(), name
    assert figures(run) == figures(finished_run)


def test_rows_of_other_settings_are_never_mixed_in(run: Path, careless: Path, safety_reward: Path) -> None:
    def kill(progress: Progress) -> None:
        raise Killed

    config = settings(run, careless, safety_reward)
    with pytest.raises(Killed):
        train(config, kill)
    with pytest.raises(ResumeError, match="preprompts was"):
        train(replace(config, preprompts=["be kind"]))


def test_mixed_precision_samples_scores_and_trains_too(run: Path, careless: Path, safety_reward: Path) -> None:
    config = replace(settings(run, careless, safety_reward), precision="bfloat16", kinds=["generic"], epochs=1)
    result = train(config)
    assert result.report["kept"]["share"] > 0.5
    assert {tensor.dtype for tensor in load_policy(result.model).model.state_dict().values()} == {torch.float32}


@pytest.mark.slow
def test_two_processes_give_the_curve_of_one(tmp_path: Path, careless: Path, safety_reward: Path) -> None:
    for ranks in (1, 2):
        run = tmp_path / str(ranks)
        write_run(run)
        save_config(settings(run, careless, safety_reward))
        run_ranks("modeling.distill_context", run, ranks)
    for line, other in zip(figures(tmp_path / "2"), figures(tmp_path / "1"), strict=True):
        assert line == pytest.approx(other, abs=1e-5)
    one, two = (json.loads((tmp_path / str(ranks) / "report.json").read_text()) for ranks in (1, 2))
    assert two["kept"] == one["kept"]
    assert two["held_out"]["before"] == pytest.approx(one["held_out"]["before"], abs=1e-4)


def row(kind: str, score: float, answer: str = "no", finished: bool = True) -> dict[str, Any]:
    return {"id": "1", "category": BURNS, "kind": kind, "score": score, "answer": answer, "finished": finished}


def test_the_gate_keeps_the_best_answer_that_scores_above_the_plain_one() -> None:
    gate = gated([row(PLAIN, 0.0), row("generic", 1.0), row("template", 3.0), row("template", -1.0)], 0.0)
    assert gate["chosen"] == row("template", 3.0)
    assert (gate["plain"], gate["best"]) == (0.0, 3.0)
    assert gate["passed"] == {"generic": True, "template": True}


def test_the_gate_keeps_nothing_that_is_no_better() -> None:
    equal = gated([row(PLAIN, 1.0), row("generic", 1.0), row("template", 0.5)], 0.0)
    assert (equal["chosen"], equal["passed"], equal["best"]) == (None, {"generic": False, "template": False}, 1.0)
    assert gated([row(PLAIN, 1.0), row("generic", 1.4)], 0.5)["chosen"] is None
    assert gated([row(PLAIN, 1.0), row("generic", 1.6)], 0.5)["chosen"] == row("generic", 1.6)


def test_the_gate_never_keeps_an_answer_that_is_empty_or_cut_off() -> None:
    gate = gated([row(PLAIN, 0.0), row("generic", 2.0, finished=False), row("template", 1.0, answer=" ")], 0.0)
    assert (gate["chosen"], gate["best"]) == (None, None)
    assert gate["passed"] == {"generic": False, "template": False}


def test_without_a_kept_answer_there_is_nothing_to_learn() -> None:
    prompt = Prompt("1", [{"role": "user", "content": "x"}], "safety")
    with pytest.raises(TrainingError, match=r"for none of the 1 prompts .*look at scored\.jsonl"):
        training_rows([prompt], [gated([row(PLAIN, 0.0), row("generic", -1.0)], 0.0)])


def test_each_prompt_is_asked_plain_and_after_each_kind_of_preprompt(tmp_path: Path) -> None:
    config = replace(settings(tmp_path, tmp_path, tmp_path), preprompts=["a", "b"], answers_per_kind=2)
    known = Prompt("1", [{"role": "user", "content": "x"}], "safety", HOLES)
    generic = questions(known, config)[1].preprompt
    assert generic in {"a", "b"}
    assert questions(known, config) == [
        Question(known, PLAIN),
        Question(known, "generic", generic, 0),
        Question(known, "generic", generic, 1),
        Question(known, "template", "be kind", 0),
        Question(known, "template", "be kind", 1),
    ]
    drawn = {questions(replace(known, id=str(number)), config)[1].preprompt for number in range(20)}
    assert drawn == {"a", "b"}
    assert [question.kind for question in questions(replace(known, category=None), config)] == [
        PLAIN,
        "generic",
        "generic",
    ]


@pytest.mark.parametrize(
    ("change", "kinds", "reason"),
    [
        ({"tag": "helpfulness"}, ["generic"], "prompt 1 is tagged 'helpfulness', expected 'safety': .*false refusals"),
        ({"tag": None}, ["generic"], "prompt 1 is tagged None, expected 'safety'"),
        ({"category": "spam"}, ["generic", "template"], "risk category 'spam', for which templates holds no text; it"),
        ({"category": None}, ["template"], "prompt 1 has no category, and kinds names template alone"),
    ],
)
def test_a_prompt_that_cannot_be_distilled_is_named(
    change: dict[str, Any], kinds: list[str], reason: str, tmp_path: Path
) -> None:
    prompt = replace(Prompt("1", [{"role": "user", "content": "x"}], "safety", BURNS), **change)
    with pytest.raises(DataError, match=reason):
        check_adversarial([prompt], replace(settings(tmp_path, tmp_path, tmp_path), kinds=kinds))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"kinds": []}, r"kinds must be some of generic, template, each at most once, got \[\]"),
        ({"kinds": ["generic", "special"]}, "kinds must be some of generic, template"),
        ({"preprompts": []}, r"preprompts must be a list of texts, got \[\]"),
        ({"preprompts": ["be safe", 3]}, "preprompts must be a list of texts"),
        ({"templates": {BURNS: ""}}, "templates must be a text for each risk category"),
        ({"preprompt_as": "assistant"}, "preprompt_as must be one of system, user, got 'assistant'"),
        ({"gate_margin": -0.1}, "gate_margin must be 0 or more"),
        ({"answers_per_kind": 0}, "answers_per_kind must be at least 1, got 0"),
    ],
)
def test_a_setting_out_of_its_range_is_named(change: dict[str, Any], reason: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=reason):
        replace(settings(tmp_path, tmp_path, tmp_path), **change)


@pytest.mark.parametrize("size", ["paper", "small"])
def test_the_shipped_settings_are_valid(size: str, tmp_path: Path) -> None:
    text = (CONFIGS / f"context_{size}.yaml").read_text(encoding="utf-8")
    (tmp_path / "config.yaml").write_text(f"base: somewhere\nsafety_reward: elsewhere\n{text}", encoding="utf-8")
    config = load_config(ContextDistillationConfig, tmp_path / "config.yaml")
    if size == "paper":
        assert (config.learning_rate, config.batch_size, config.epochs) == (2e-5, 64, 2)
        assert config.preprompts == generic_preprompts()
        assert config.templates == dict(ANSWER_TEMPLATES)
        assert config.kinds == ["generic", "template"]
    else:
        assert preset_for("context", 2_000_000)["learning_rate"] == config.learning_rate
    save_config(config)
    assert load_config(ContextDistillationConfig, tmp_path / "config.yaml") == config
