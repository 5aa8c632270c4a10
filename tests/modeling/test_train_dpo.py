"""What direct preference optimization does to a tiny model: it moves towards the chosen answers, from its reference."""

import json
import math
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM

from modeling import train_dpo
from modeling.answer_logprobs import encode_answers, pack_answers
from modeling.checkpoints import Policy, digest, load_policy
from modeling.configuration import ConfigError, configure, read_settings
from modeling.dpo_config import DPOConfig
from modeling.losses import dpo_loss
from modeling.preference_data import PreferencePair
from modeling.recipe import Progress, Stopped
from modeling.token_logprobs import logprobs_of
from modeling.train_dpo import train
from modeling.training_config import CONFIGS, preset_for, save_config
from tests.modeling.conftest import preference
from tests.modeling.ranks import Forked, assert_same_curve, kill_once, run_ranks

MakeRun = Callable[..., Path]
GOOD, BAD = "you dig a hole", "the hot stove"


def pairs(numbers: range, **fields: Any) -> list[dict[str, Any]]:
    """Pairs of which every third's answers begin alike, so that a part of the answer is in the shared beginning."""
    return [preference(number, GOOD, BAD if number % 3 else "you dig the stove", **fields) for number in numbers]


def settings(run: Path, base: Path) -> DPOConfig:
    return DPOConfig(
        run_dir=run,
        base=base,
        batch_size=4,
        learning_rate=1e-3,
        warmup_least=1,
        max_length=100,
        token_budget=200,
        epochs=2,
    )


def metrics(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def curve(run: Path) -> list[dict[str, float]]:
    """The metrics without the first step's accuracy: its margins are 0, but for rounding of either sign."""
    lines = metrics(run)
    del lines[0]["accuracy"]
    return lines


def reference_logprob(policy: Policy, prompt: str, answer: str) -> Tensor:
    """log pi(answer | prompt) by transformers' own forward pass of the dialogue alone."""
    model, tokenizer = policy
    start = len(tokenizer.encode(f"<s>[INST] {prompt} [/INST]", add_special_tokens=False))
    ids = torch.tensor([tokenizer.encode(f"<s>[INST] {prompt} [/INST] {answer} </s>", add_special_tokens=False)])
    logprobs = model(input_ids=ids).logits[0, :-1].log_softmax(dim=-1)
    return logprobs.gather(1, ids[0, 1:, None])[start - 1 :].sum()


def both(policy: Policy, row: dict[str, Any]) -> Tensor:
    prompt = row["prompt"][0]["content"]
    return torch.stack([reference_logprob(policy, prompt, row[side][0]["content"]) for side in ("chosen", "rejected")])


def pair_of(row: dict[str, Any]) -> PreferencePair:
    return PreferencePair(row["id"], row["prompt"], row["chosen"], row["rejected"], None, None, None, None, None)


def test_the_loss_is_that_of_equation_7() -> None:
    def loss(chosen: float, rejected: float, **options: Any) -> float:
        policy, reference = torch.tensor([[chosen, rejected]]), torch.tensor([[-10.0, -20.0]])
        return float(dpo_loss(policy, reference, beta=0.5, **options))

    # a policy that is its reference: log 2, whatever the log-probabilities
    assert loss(-10.0, -20.0) == pytest.approx(math.log(2))
    # chosen likelier by 1 nat, rejected less likely by 1: z = 0.5 * (1 + 1) = 1, log(1 + 1/e)
    assert loss(-9.0, -21.0) == pytest.approx(math.log(1 + math.exp(-1)))
    assert loss(-11.0, -19.0) == pytest.approx(math.log(1 + math.e))
    # a tenth of the preferences may be wrong: log(1 + 1/e) + 0.1 * z
    assert loss(-9.0, -21.0, label_smoothing=0.1) == pytest.approx(math.log(1 + math.exp(-1)) + 0.1)
    assert loss(-9.0, -21.0, pairs=4) == pytest.approx(math.log(1 + math.exp(-1)) / 4)


def test_the_gradient_is_larger_where_the_implicit_reward_is_wrong() -> None:
    policy = torch.tensor([[-9.0, -21.0], [-11.0, -19.0]], requires_grad=True)
    dpo_loss(policy, torch.tensor([[-10.0, -20.0]] * 2), beta=0.5, pairs=1).backward()
    # -beta * sigmoid(-z) for the chosen answers, its opposite for the rejected, with z = 1 and z = -1 (Rafailov et al.
    # 2023, section 4)
    right, wrong = 0.5 / (1 + math.e), 0.5 / (1 + math.exp(-1))
    torch.testing.assert_close(policy.grad, torch.tensor([[-right, right], [-wrong, wrong]]))


def test_answers_have_the_log_probabilities_of_separate_passes(policy: Policy) -> None:
    rows = pairs(range(4))
    answers = pack_answers([encode_answers(policy.tokenizer, pair_of(row), 100) for row in rows], pad_token_id=0)
    with torch.no_grad():
        found = answers.sums(logprobs_of(policy.model)(policy.model, answers.batch))
        expected = torch.stack([both(policy, row) for row in rows])
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-5)
    assert expected.std() > 1


def test_of_a_longer_continuation_the_last_answer_counts(policy: Policy) -> None:
    prompt, turns = preference(0, GOOD, BAD)["prompt"], [{"role": "assistant", "content": BAD}]
    turns += [{"role": "user", "content": "why"}]
    row = {
        "id": "a",
        "prompt": prompt,
        "chosen": [*turns, {"role": "assistant", "content": GOOD}],
        "rejected": turns[:1],
    }
    answers = pack_answers([encode_answers(policy.tokenizer, pair_of(row), 100)], pad_token_id=0)
    tokenizer = policy.tokenizer
    lengths = [len(tokenizer.encode(f" {text} </s>", add_special_tokens=False)) for text in (GOOD, BAD)]
    assert answers.lengths().tolist() == [lengths]


def test_it_moves_from_its_reference_towards_the_chosen_answers(make_run: MakeRun, base: Path) -> None:
    run = make_run(pairs(range(24)), pairs(range(24, 36), rating="better", batch="week 1"))
    seen: list[Progress] = []
    report = train(settings(run, base), seen.append).report

    first, last = seen[0].figures, seen[-1].figures
    assert first["loss"] == pytest.approx(math.log(2), abs=1e-5)  # the policy is its reference
    assert first["margin"] == pytest.approx(0, abs=1e-5)
    assert last["loss"] < 0.5
    assert report["accuracy"] == pytest.approx({"n": 12, "accuracy": 1.0, "low": 0.7575, "high": 1.0}, abs=1e-4)
    assert report["accuracy_by_rating"]["better"]["n"] == report["accuracy_by_batch"]["week 1"]["n"] == 12
    assert report["margin"] > 0.5
    assert report["loss"] < 0.5

    policies = load_policy(base), load_policy(run / "model")
    with torch.no_grad():
        before, after = (torch.stack([both(each, row) for row in pairs(range(24, 36))]) for each in policies)
    means = {name: list(report[name].values()) for name in ("mean_logprob", "mean_reference_logprob")}
    assert means["mean_reference_logprob"] == pytest.approx(before.mean(dim=0).tolist(), abs=1e-3)
    assert means["mean_logprob"] == pytest.approx(after.mean(dim=0).tolist(), abs=1e-3)
    margins = 0.1 * ((after - before)[:, 0] - (after - before)[:, 1])
    assert report["margin"] == pytest.approx(float(margins.mean()), abs=1e-3)


def test_one_step_equals_a_reference_written_differently(make_run: MakeRun, base: Path) -> None:
    rows = pairs(range(4))
    config = replace(settings(make_run(rows), base), epochs=1, label_smoothing=0.1, nll_weight=0.5, beta=0.3)
    result = train(config)

    policy = load_policy(base)
    losses = []
    for row in rows:
        chosen, rejected = both(policy, row)
        z = 0.3 * ((chosen - chosen.detach()) - (rejected - rejected.detach()))
        tokens = len(policy.tokenizer.encode(f" {row['chosen'][0]['content']} </s>", add_special_tokens=False))
        smoothed = 0.9 * torch.log1p(torch.exp(-z)) + 0.1 * torch.log1p(torch.exp(z))
        losses.append(smoothed - 0.5 * chosen / tokens)
    loss = torch.stack(losses).mean()
    (line,) = metrics(config.run_dir)
    assert line["loss"] == pytest.approx(float(loss.detach()), abs=1e-5)
    loss.backward()
    norm = torch.sqrt(sum((parameter.grad**2).sum() for parameter in policy.model.parameters()))
    weights = load_policy(result.model).model.state_dict()
    for name, parameter in policy.model.named_parameters():  # no weight decay; AdamW's first update
        gradient = parameter.grad * min(1.0, 1 / norm.item())
        expected = parameter - 1e-3 * gradient / (gradient.abs() + 1e-5)
        torch.testing.assert_close(weights[name], expected.detach(), atol=5e-5, rtol=0)


def test_the_curve_does_not_depend_on_the_memory_that_it_may_take(make_run: MakeRun, base: Path) -> None:
    curves = []
    for budget in (1, 10_000):
        run = make_run(pairs(range(8)), name=f"budget-{budget}")
        train(replace(settings(run, base), token_budget=budget))
        curves.append(curve(run))
    assert_same_curve(curves[1], curves[0])


def test_it_learns_more_slowly_from_preferences_that_it_trusts_less(make_run: MakeRun, base: Path) -> None:
    margins = []
    for smoothing in (0.0, 0.3):
        run = make_run(pairs(range(12)), pairs(range(12, 18)), name=f"smoothing-{smoothing}")
        margins.append(train(replace(settings(run, base), label_smoothing=smoothing)).report["margin"])
    assert margins[0] > margins[1] > 0


def test_the_loss_of_the_chosen_answer_keeps_it_likely(make_run: MakeRun, base: Path) -> None:
    chosen = []
    for weight in (0.0, 5.0):
        run = make_run(pairs(range(12)), pairs(range(12, 18)), name=f"nll-{weight}")
        chosen.append(train(replace(settings(run, base), nll_weight=weight)).report["mean_logprob"]["chosen"])
    assert chosen[1] > chosen[0] + 1


def test_a_run_that_was_interrupted_ends_with_the_weights_of_one_that_was_not(make_run: MakeRun, base: Path) -> None:
    """Stopped three times: while the reference is computed, within a step, and while the held-out pairs are gone
    through."""
    whole, stopped = (make_run(pairs(range(16)), pairs(range(16, 20)), name=name) for name in ("whole", "stopped"))
    asked = {"whole": 0, "stopped": 0}

    def counting() -> bool:
        asked["whole"] += 1
        return False

    train(settings(whole, base), should_stop=counting)

    def stop_after(calls: int) -> Callable[[], bool]:
        remaining = iter(range(calls))
        return lambda: next(remaining, None) is None

    steps = []
    for calls in (2, 14, asked["whole"] - 20):
        with pytest.raises(Stopped):
            train(settings(stopped, base), should_stop=stop_after(calls))
        steps.append(len(metrics(stopped)))
    assert steps[0] == 0 < steps[1] < steps[2]
    report = train(settings(stopped, base)).report
    timings = ("seconds", "pairs_per_second")
    expected = json.loads((whole / "report.json").read_text())
    assert {name: report[name] for name in report if name not in timings} == {
        name: expected[name] for name in expected if name not in timings
    }
    assert (stopped / "model/model.safetensors").read_bytes() == (whole / "model/model.safetensors").read_bytes()
    assert_same_curve(metrics(stopped), metrics(whole), within=0)


def test_a_process_killed_with_signal_9_resumes_to_the_same_weights(make_run: MakeRun, base: Path) -> None:
    whole, killed = (make_run(pairs(range(48)), pairs(range(48, 52)), name=name) for name in ("whole", "killed"))
    for run in (whole, killed):
        save_config(replace(settings(run, base), checkpoint_every=2))
    run_ranks("modeling.train_dpo", whole, ranks=1)
    kill_once((killed / "checkpoints/step-4").exists, Forked("modeling.train_dpo", killed, ranks=1))
    assert not (killed / "report.json").exists()
    run_ranks("modeling.train_dpo", killed, ranks=1)
    assert_same_curve(metrics(killed), metrics(whole), within=0)
    assert (killed / "model/model.safetensors").read_bytes() == (whole / "model/model.safetensors").read_bytes()


def test_adapters_learn_and_are_merged_into_a_plain_checkpoint(make_run: MakeRun, base: Path) -> None:
    run = make_run(pairs(range(24)), pairs(range(24, 30)))
    report = train(replace(settings(run, base), lora_rank=4, learning_rate=1e-2)).report
    assert metrics(run)[0]["loss"] == pytest.approx(math.log(2), abs=1e-5)
    assert report["accuracy"]["accuracy"] == 1.0
    before, after = (AutoModelForCausalLM.from_pretrained(folder).state_dict() for folder in (base, run / "model"))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert before.keys() == after.keys()
    assert changed == {name for name in before if "proj" in name}


def test_every_step_is_logged_and_the_report_written(make_run: MakeRun, base: Path) -> None:
    run = make_run(pairs(range(6)))
    report = train(settings(run, base)).report
    lines = metrics(run)
    assert [line["step"] for line in lines] == [1, 2, 3, 4]
    assert set(lines[0]) == {
        *("step", "steps", "seconds", "loss", "accuracy", "margin", "chosen_logprob", "rejected_logprob"),
        *("learning_rate", "gradient_norm", "pairs_per_second"),
    }
    assert json.loads((run / "report.json").read_text()) == report
    assert report["model_digest"] == digest(run / "model")
    assert (report["train_pairs"], report["test_pairs"], report["steps"]) == (6, 0, 4)
    assert report["accuracy"] == {"n": 0, "accuracy": None, "low": None, "high": None}
    assert (report["margin"], report["loss"]) == (None, None)
    assert report["mean_logprob"] == report["mean_reference_logprob"] == {"chosen": None, "rejected": None}


def test_the_command_trains_and_prints_the_report(
    make_run: MakeRun, base: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signal, "signal", lambda number, handler: None)  # those of the test process stay its own
    run = make_run(pairs(range(4)))
    save_config(settings(run, base))
    assert train_dpo.main([str(run / "config.yaml")]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["model"] == str(run / "model")


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{}, {"sharded": True}, {"lora_rank": 4}])
def test_two_processes_give_the_curve_of_one(make_run: MakeRun, base: Path, changes: dict[str, Any]) -> None:
    curves, reports = [], []
    for ranks in (1, 2):
        run = make_run(pairs(range(15)), pairs(range(15, 20)), name=f"ranks-{ranks}")
        save_config(replace(settings(run, base), **changes))
        run_ranks("modeling.train_dpo", run, ranks=ranks)
        curves.append(curve(run))
        reports.append(json.loads((run / "report.json").read_text()))
    assert_same_curve(curves[1], curves[0])
    assert reports[1]["margin"] == pytest.approx(reports[0]["margin"], abs=1e-4)


@pytest.mark.parametrize("name", ["dpo_paper.yaml", "dpo_small.yaml"])
def test_every_shipped_config_is_valid(name: str) -> None:
    configure(DPOConfig, {"run_dir": Path("run"), "base": Path("base"), **read_settings(CONFIGS / name)})


def test_the_paper_config_holds_the_numbers_of_its_paper() -> None:
    config = configure(DPOConfig, {"run_dir": Path("run"), "base": Path("base"), **preset_for("dpo", 7_000_000_000)})
    assert (config.beta, config.learning_rate, config.batch_size, config.warmup_least) == (0.1, 1e-6, 64, 150)
    assert (config.floor, config.label_smoothing, config.nll_weight) == (1.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"beta": 0}, "beta must be above 0, got 0"),
        ({"label_smoothing": 0.5}, r"label_smoothing must be at least 0 and below 0\.5, got 0\.5"),
        ({"nll_weight": -1}, "nll_weight must be 0 or more, got -1"),
        ({"epochs": 0}, "epochs must be at least 1, got 0"),
    ],
)
def test_a_wrong_setting_is_named(setting: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        configure(DPOConfig, {"run_dir": Path("run"), "base": Path("base"), **setting})
