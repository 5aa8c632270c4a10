"""What training does to a tiny model: it learns, reports truthfully, and names what's wrong with its input."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from modeling import train_reward
from modeling.checkpoints import digest, load_reward_model, new_reward_model, save
from modeling.json_lines import DataError
from modeling.recipe import Progress, TrainingError, batch_of
from modeling.reward_config import RewardConfig
from modeling.scoring import score
from modeling.train_reward import train
from tests.modeling.conftest import preference

MakeRun = Callable[..., Path]

GOOD, BAD = "you dig a hole", "the hot stove"


def pairs(numbers: range, **fields: Any) -> list[dict[str, Any]]:
    return [preference(number, GOOD, BAD, **fields) for number in numbers]


def settings(run: Path, base: Path) -> RewardConfig:
    return RewardConfig(
        run_dir=run, base=base, batch_size=4, learning_rate=3e-3, max_length=100, token_budget=200, epochs=2
    )


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_reward_model(folder).model.state_dict()


def test_it_learns_which_answer_people_prefer(make_run: MakeRun, base: Path) -> None:
    run = make_run(pairs(range(24)), pairs(range(24, 36), rating="better"))
    seen: list[Progress] = []
    result = train(settings(run, base), seen.append)

    assert seen[0].figures["loss"] == pytest.approx(math.log(2), abs=1e-6)  # a head of zeros: every score is 0
    assert seen[-1].figures["loss"] < 0.3
    assert result.report["accuracy"]["accuracy"] == 1.0
    assert result.report["mean_score"]["chosen"] > result.report["mean_score"]["rejected"]
    prompt = preference(99, GOOD, BAD)["prompt"]
    good, bad = score(load_reward_model(result.model), [(prompt, GOOD), (prompt, BAD)])
    assert good > bad


def test_the_margin_enters_the_loss(make_run: MakeRun, base: Path) -> None:
    # equal scores at the first step: log(1 + e^m), with m = 1 for significantly better on the small scale
    run = make_run(pairs(range(4), rating="significantly"))
    seen: list[Progress] = []
    train(settings(run, base), seen.append)
    assert seen[0].figures["loss"] == pytest.approx(math.log(1 + math.e), abs=1e-6)


def test_safety_labels_add_their_loss_and_teach_the_sign(make_run: MakeRun, base: Path) -> None:
    labels = {"chosen_safe": True, "rejected_safe": False}
    run = make_run(pairs(range(24), **labels), pairs(range(24, 30), **labels))
    seen: list[Progress] = []
    result = train(settings(run, base), seen.append)
    # equal scores of 0: log 2 for the ranking and log 2 for the labels
    assert seen[0].figures["loss"] == pytest.approx(2 * math.log(2), abs=1e-6)
    assert result.report["safety_accuracy"]["accuracy"] == 1.0
    assert result.report["safety_accuracy"]["n"] == 12
    assert result.report["mean_score"]["chosen"] > 0 > result.report["mean_score"]["rejected"]


def test_accuracy_is_reported_by_rating_and_batch_with_intervals(make_run: MakeRun, base: Path) -> None:
    test = [
        preference(20, GOOD, BAD, rating="better", batch="week 1"),
        preference(21, GOOD, BAD, rating="better", batch="week 2"),
        preference(22, BAD, GOOD, rating="slightly", batch="week 2"),
        preference(23, GOOD, BAD),
    ]
    report = train(settings(make_run(pairs(range(20)), test), base)).report
    assert report["accuracy"] == pytest.approx({"n": 4, "accuracy": 0.75, "low": 0.3006, "high": 0.9544}, abs=1e-4)
    counts = {name: (each["n"], each["accuracy"]) for name, each in report["accuracy_by_rating"].items()}
    assert counts == {"better": (2, 1.0), "slightly": (1, 0.0), "unrated": (1, 1.0)}
    counts = {name: (each["n"], each["accuracy"]) for name, each in report["accuracy_by_batch"].items()}
    assert counts == {"week 1": (1, 1.0), "week 2": (2, 0.5), "no batch": (1, 1.0)}


def test_a_mix_draws_from_the_sources_and_accuracy_is_reported_by_source(make_run: MakeRun, base: Path) -> None:
    rows = pairs(range(9), source="safety") + pairs(range(9, 20), source="helpfulness")
    test = [
        *pairs(range(20, 22), source="safety"),
        preference(22, BAD, GOOD, source="helpfulness"),
        *pairs(range(23, 24)),
    ]
    report = train(replace(settings(make_run(rows, test), base), mix="safety")).report
    assert report["train_pairs_by_source"] == {"safety": 9, "helpfulness": 1}
    counts = {name: (each["n"], each["accuracy"]) for name, each in report["accuracy_by_source"].items()}
    assert counts == {"safety": (2, 1.0), "helpfulness": (1, 0.0), "no source": (1, 1.0)}


def test_a_mix_of_pairs_without_sources_starts_nothing(make_run: MakeRun, base: Path) -> None:
    run = make_run(pairs(range(4)))
    with pytest.raises(DataError, match="pair-0 has no source"):
        train(replace(settings(run, base), mix="helpfulness"))
    assert [path.name for path in run.iterdir()] == ["data"]


def test_the_report_says_how_reliable_the_scores_are_as_probabilities(make_run: MakeRun, base: Path) -> None:
    test = [*pairs(range(20, 23)), preference(23, BAD, GOOD)]
    result = train(settings(make_run(pairs(range(20)), test), base))
    reward_model = load_reward_model(result.model)
    prompts = [row["prompt"] for row in test]
    good, bad = (score(reward_model, [(prompt, answer) for prompt in prompts]) for answer in (GOOD, BAD))
    differences = [g - b for g, b in zip(good, bad, strict=True)]
    differences[3] *= -1
    assert result.report["reliability"]["n"] == 4
    losses = [math.log1p(math.exp(-difference)) for difference in differences]
    assert result.report["reliability"]["log_loss"] == pytest.approx(sum(losses) / 4, abs=1e-4)


def test_quality_ratings_are_compared_with_the_scores_where_there_are_any(make_run: MakeRun, base: Path) -> None:
    run = make_run(pairs(range(24)))
    rated = [
        {"messages": preference(number, "", "")["prompt"], "answer": answer, "rating": rating}
        for number, answer, rating in ((30, BAD, 1), (31, GOOD, 6), (32, BAD, 1), (33, GOOD, 6), (34, GOOD, 7))
    ]
    (run / "data" / "ratings.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rated))
    result = train(settings(run, base))
    quality = result.report["quality"]
    scores = score(load_reward_model(result.model), [(row["messages"], row["answer"]) for row in rated])
    assert quality["by_rating"]["1"]["mean"] == pytest.approx((scores[0] + scores[2]) / 2, abs=1e-4)
    assert quality["by_rating"]["1"]["mean"] < quality["by_rating"]["6"]["mean"]
    assert quality["n"] == 5
    assert "ratings_digest" in result.report["identity"]
    assert "quality" not in train(settings(make_run(pairs(range(4)), name="unrated"), base)).report


def test_the_gradient_does_not_depend_on_the_memory_that_it_may_take(make_run: MakeRun, base: Path) -> None:
    train_pairs = pairs(range(8), chosen_safe=True)
    train_pairs[3]["chosen"][0]["content"] += " every day and water the tree"
    losses = []
    for budget in (1, 10_000):
        run = make_run(train_pairs, name=f"budget-{budget}")
        seen: list[Progress] = []
        train(replace(settings(run, base), token_budget=budget), seen.append)
        losses.append([progress.figures["loss"] for progress in seen])
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)


def test_one_step_equals_a_reference_written_differently(make_run: MakeRun, base: Path) -> None:
    rows = pairs(range(4), rating="slightly", chosen_safe=True)
    run = make_run(rows)
    config = replace(settings(run, base), epochs=1, learning_rate=1e-3)
    model = new_reward_model(base).model
    torch.nn.init.constant_(model.score.weight, 0.01)
    start = run / "start"
    tokenizer = new_reward_model(base).tokenizer
    save(model, tokenizer, start)
    result = train(replace(config, base=start))

    def scored(row: dict[str, Any], side: str) -> torch.Tensor:
        prompt, answer = row["prompt"][0]["content"], row[side][0]["content"]
        ids = tokenizer.encode(f"<s>[INST] {prompt} [/INST] {answer} </s>", add_special_tokens=False)
        return model(input_ids=torch.tensor([ids])).logits[0, 0]

    # one step: warmed up fully (lr = 1e-3), AdamW's first update is lr * g / (|g| + eps), after decay by 1 - lr * 0.1
    losses = []
    for row in rows:
        chosen, rejected = scored(row, "chosen"), scored(row, "rejected")
        losses.append(torch.log1p(torch.exp(rejected - chosen + 1 / 3)) + torch.log1p(torch.exp(-chosen)))
    torch.stack(losses).mean().backward()
    norm = torch.sqrt(sum((parameter.grad**2).sum() for parameter in model.parameters()))
    trained = weights(result.model)
    for name, parameter in model.named_parameters():
        gradient = parameter.grad * min(1.0, 1 / norm.item())
        decayed = parameter * (1 - 1e-3 * 0.1) if parameter.ndim == 2 else parameter
        expected = decayed - 1e-3 * gradient / (gradient.abs() + 1e-5)
        torch.testing.assert_close(trained[name], expected.detach(), atol=2e-5, rtol=0)


def test_every_step_is_logged_and_the_report_written(make_run: MakeRun, base: Path) -> None:
    run = make_run(pairs(range(6)), pairs(range(6, 8)))
    result = train(settings(run, base))
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4]
    assert set(lines[0]) == {
        "step",
        "steps",
        "loss",
        "accuracy",
        "learning_rate",
        "gradient_norm",
        "pairs_per_second",
        "seconds",
    }
    assert json.loads((run / "report.json").read_text()) == result.report
    assert result.report["model_digest"] == digest(run / "model")
    assert (result.report["train_pairs"], result.report["test_pairs"], result.report["steps"]) == (6, 2, 4)


def test_every_epoch_passes_over_every_pair_in_an_order_of_its_own() -> None:
    numbers = list(range(8))
    epochs = [[batch_of(8, 3, 0, 3 * epoch + step) for step in range(3)] for epoch in (0, 1)]
    assert [len(batch) for batch in epochs[0]] == [3, 3, 2]
    orders = [[number for batch in epoch for number in batch] for epoch in epochs]
    assert sorted(orders[0]) == sorted(orders[1]) == numbers
    assert orders[0] != orders[1]


def test_without_held_out_pairs_the_accuracy_is_unknown(make_run: MakeRun, base: Path) -> None:
    report = train(settings(make_run(pairs(range(4))), base)).report
    assert report["accuracy"] == {"n": 0, "accuracy": None, "low": None, "high": None}
    assert report["accuracy_by_rating"] == {}
    assert report["mean_score"] == {"chosen": None, "rejected": None}


def test_a_finished_run_is_not_trained_again(make_run: MakeRun, base: Path) -> None:
    run = make_run(pairs(range(4)))
    first = train(settings(run, base))
    seen: list[Progress] = []
    assert train(settings(run, base), seen.append).report == first.report
    assert seen == []


def test_data_that_cannot_be_used_start_nothing(make_run: MakeRun, base: Path) -> None:
    with pytest.raises(DataError, match=r"train\.jsonl holds no preference pairs"):
        train(settings(make_run([], name="empty"), base))
    run = make_run([*pairs(range(2)), {"prompt": [], "chosen": []}], name="missing")
    with pytest.raises(DataError, match=r"train\.jsonl, line 3: field rejected is missing"):
        train(settings(run, base))
    with pytest.raises(DataError, match="split by prompt"):
        train(settings(make_run(pairs(range(2)), pairs(range(1, 3)), name="leak"), base))
    assert [path.name for path in run.iterdir()] == ["data"]


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_its_checkpoint(
    make_run: MakeRun, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(pairs(range(12)))
    calls = 0
    real = train_reward.ranking_loss

    def broken(*args: Any, **kwargs: Any) -> torch.Tensor:
        nonlocal calls
        calls += 1
        return real(*args, **kwargs) * (math.nan if calls == 3 else 1)

    monkeypatch.setattr(train_reward, "ranking_loss", broken)
    config = replace(settings(run, base), token_budget=10_000, checkpoint_every=1)
    with pytest.raises(TrainingError, match=r"step 3: the loss is nan.*Lower learning_rate"):
        train(config)
    assert sorted(path.name for path in (run / "checkpoints").iterdir()) == ["step-1", "step-2"]
    assert not (run / "model").exists()


def test_dialogues_longer_than_the_base_can_read_lose_their_oldest_tokens(make_run: MakeRun, base: Path) -> None:
    rows = pairs(range(4))
    rows[0]["prompt"][0]["content"] = "the sky is blue " * 100
    result = train(replace(settings(make_run(rows, pairs(range(4, 6))), base), max_length=4096))
    assert load_reward_model(result.model).tokenizer.model_max_length == 128
    assert math.isfinite(result.report["mean_score"]["chosen"])


def test_gradient_checkpointing_and_mixed_precision_train_too(make_run: MakeRun, base: Path) -> None:
    run = make_run(pairs(range(24)), pairs(range(24, 30)))
    config = replace(settings(run, base), gradient_checkpointing=True, precision="bfloat16")
    result = train(config)
    assert result.report["accuracy"]["accuracy"] == 1.0
    assert {tensor.dtype for tensor in weights(result.model).values()} == {torch.float32}
