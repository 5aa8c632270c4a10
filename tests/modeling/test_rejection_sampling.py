"""What one iteration of rejection sampling keeps, trains on, leaves and reports, on the tiny models."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from modeling.candidates import best_per_prompt, read_candidates
from modeling.checkpoints import digest, load_policy, load_reward_model, load_tokenizer, parameter_count, save
from modeling.json_lines import DataError
from modeling.recipe import Progress, TrainingError
from modeling.rejection_config import RejectionConfig
from modeling.rejection_sampling import train
from modeling.scoring import score
from tests.modeling.conftest import write_jsonl
from tests.modeling.rejection_runs import chat_checkpoint, earlier_candidate, prompt, rejection_run, reward_checkpoint

Prepare = Callable[..., RejectionConfig]


@pytest.fixture(scope="module")
def chat(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return chat_checkpoint(base, tmp_path_factory.mktemp("chat") / "chat")


@pytest.fixture(scope="module")
def reward(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return reward_checkpoint(base, tmp_path_factory.mktemp("reward") / "reward")


@pytest.fixture
def prepare(tmp_path: Path, chat: Path, reward: Path) -> Prepare:
    """A run's folder with its prompts, and its settings."""
    return lambda name="run", **changes: rejection_run(tmp_path / name, chat, reward, **changes)


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_every_prompt_has_k_candidates_with_the_scores_of_the_reward_model(prepare: Prepare, reward: Path) -> None:
    config = prepare()
    train(config)
    bag = read_candidates(config.run_dir / "candidates.jsonl")
    assert [each.prompt_id for each in bag] == [f"prompt-{number}" for number in range(6) for _ in range(4)]
    assert {(each.iteration, each.model) for each in bag} == {(1, digest(config.base))}
    expected = score(load_reward_model(reward), [(each.messages, each.answer) for each in bag])
    assert [each.score for each in bag] == pytest.approx(expected, abs=1e-5)


def test_the_base_is_fine_tuned_on_the_best_answers_alone(prepare: Prepare) -> None:
    config = prepare()
    result = train(config)
    bag = read_candidates(config.run_dir / "candidates.jsonl")
    best = {each.prompt_id: each.answer for each in best_per_prompt(bag)}
    trained = rows(config.run_dir / "sft" / "data" / "train.jsonl")
    assert {row["id"]: row["messages"][-1]["content"] for row in trained} == best
    assert {row["trained_turns"] for row in trained} == {"last"}
    assert result.report["fine_tuned_on"] == len(best)
    assert result.report["model_digest"] == digest(result.model) != digest(config.base)


def test_the_best_over_all_iterations_is_kept(prepare: Prepare) -> None:
    earlier = [
        earlier_candidate(0, 1e6),
        earlier_candidate(1, -1e6),
        earlier_candidate(9, 0.0),
    ]
    config = prepare(earlier=earlier, rescore_earlier=False)
    report = train(config).report
    bag = read_candidates(config.run_dir / "candidates.jsonl")
    assert bag[:3] == earlier
    assert {each.iteration for each in bag[3:]} == {2}
    trained = {row["id"]: row for row in rows(config.run_dir / "sft" / "data" / "train.jsonl")}
    assert trained["prompt-0"]["messages"][-1]["content"] == "the sky is blue"
    assert trained["prompt-9"]["source"] == "rejection sampling, iteration 1"  # a prompt that only earlier ones had
    assert all(row["source"].endswith("iteration 2") for name, row in trained.items() if name[-1] not in "09")
    assert (report["iteration"], report["earlier_candidates"]) == (2, 3)
    found = report["best_from_earlier"]
    assert found["n"] == len(trained) and found["accuracy"] == pytest.approx(2 / len(trained))


def test_earlier_candidates_get_the_scores_of_the_newest_reward_model(prepare: Prepare, reward: Path) -> None:
    earlier = [earlier_candidate(0, 1e6), earlier_candidate(0, -1e6, "you dig a hole")]
    config = prepare(earlier=earlier)
    train(config)
    bag = read_candidates(config.run_dir / "candidates.jsonl")[:2]
    expected = score(load_reward_model(reward), [(each.messages, each.answer) for each in earlier])
    assert [each.score for each in bag] == pytest.approx(expected, abs=1e-5)
    assert [replace(each, score=0.0) for each in bag] == [replace(each, score=0.0) for each in earlier]


def test_the_bag_of_one_iteration_is_the_next_ones_earlier_bag(prepare: Prepare) -> None:
    first = prepare("first")
    train(first)
    bag = read_candidates(first.run_dir / "candidates.jsonl")
    second = prepare("second", earlier=bag)
    report = train(second).report
    grown = read_candidates(second.run_dir / "candidates.jsonl")
    assert [(each.answer, each.iteration) for each in grown[:24]] == [(each.answer, 1) for each in bag]
    assert [each.iteration for each in grown[24:]] == [2] * 24
    assert [each.answer for each in grown[24:]] != [each.answer for each in bag]  # drawn anew
    assert report["iteration"] == 2


def test_the_temperature_with_the_highest_expected_maximum_is_taken(prepare: Prepare) -> None:
    config = prepare(temperatures=[1.5, 0.3, 0.9])
    report = train(config).report
    assert [each["temperature"] for each in report["figure_8"]] == [0.3, 0.9, 1.5]
    at_k = {each["temperature"]: each["mean"][-1] for each in report["figure_8"]}
    assert report["figure_8"][0]["n"] == [1, 2, 3]
    assert at_k[report["temperature"]] == max(at_k.values())
    bag = read_candidates(config.run_dir / "candidates.jsonl")
    assert {each.temperature for each in bag} == {report["temperature"]}


def test_one_temperature_alone_is_taken_without_a_sweep(prepare: Prepare) -> None:
    report = train(prepare(temperatures=[0.8])).report
    assert (report["temperature"], report["figure_8"]) == (0.8, [])


def test_the_figures_are_those_of_the_sampled_answers(prepare: Prepare) -> None:
    config = prepare()
    report = train(config).report
    bag = read_candidates(config.run_dir / "candidates.jsonl")
    scores = [[each.score for each in bag[start : start + 4]] for start in range(0, 24, 4)]
    highest, middle = report["figure_7"]["max"], report["figure_7"]["median"]
    assert highest["n"] == middle["n"] == [1, 2, 3, 4]
    assert highest["mean"][-1] == pytest.approx(sum(map(max, scores)) / 6)
    assert middle["mean"][-1] == pytest.approx(sum(sum(sorted(each)[1:3]) / 2 for each in scores) / 6)
    assert highest["mean"][0] == pytest.approx(report["reward"]["sampled"]["mean"])
    assert highest["low"][0] < highest["mean"][0] < highest["high"][0]


def test_safety_decides_on_safety_prompts_and_on_unsafe_answers(
    prepare: Prepare, base: Path, reward: Path, tmp_path: Path
) -> None:
    helpful = load_reward_model(reward)
    contrary = reward_checkpoint(base, tmp_path / "contrary", scale=-1)
    config = prepare(safety_reward=contrary, safety_threshold=0.5)
    write_jsonl(config.run_dir / "data" / "prompts.jsonl", [prompt(0), prompt(1, tag="safety")])
    train(config)
    for each in read_candidates(config.run_dir / "candidates.jsonl"):
        [helpfulness] = score(helpful, [(each.messages, each.answer)])
        # the safety score is -helpfulness: below the threshold of one half where helpfulness is above 0
        expected = -helpfulness if each.tag == "safety" or helpfulness > 0 else helpfulness
        assert each.score == pytest.approx(expected, abs=1e-5)


def test_the_reward_is_measured_on_held_out_prompts_where_there_are_some(prepare: Prepare) -> None:
    config = prepare(measured_prompts=2)
    write_jsonl(config.run_dir / "data" / "held_out.jsonl", [prompt(number) for number in range(20, 23)])
    reward = train(config).report["reward"]
    assert reward["measured_on"] == "held-out prompts"
    assert (reward["before"]["n"], reward["after"]["n"]) == (2, 2)
    assert reward["before"]["mean"] != reward["after"]["mean"]


def test_a_held_out_prompt_that_is_trained_on_is_refused(prepare: Prepare) -> None:
    config = prepare(earlier=[earlier_candidate(9, 0.0)])
    held_out = config.run_dir / "data" / "held_out.jsonl"
    write_jsonl(held_out, [prompt(3) | {"id": "held"}])
    with pytest.raises(DataError, match="the held-out prompt 'held' is also trained on, as 'prompt-3'"):
        train(config)
    write_jsonl(held_out, [prompt(9) | {"id": "held"}])
    with pytest.raises(DataError, match="the held-out prompt 'held' is also trained on, as 'prompt-9'"):
        train(config)


def test_a_small_base_learns_from_a_larger_models_answers(prepare: Prepare, chat: Path, tmp_path: Path) -> None:
    torch.manual_seed(1)
    shape = LlamaConfig.from_pretrained(chat, num_hidden_layers=3)
    model, tokenizer = LlamaForCausalLM(shape), load_tokenizer(chat)
    model.generation_config = load_policy(chat).model.generation_config
    larger = tmp_path / "larger"
    save(model, tokenizer, larger)
    config = prepare(policy=larger)
    result = train(config)
    bag = read_candidates(config.run_dir / "candidates.jsonl")
    assert {each.model for each in bag} == {digest(larger)}
    assert result.report["model_digest"] != digest(chat)
    assert parameter_count(result.model) == parameter_count(chat) < parameter_count(larger)


def test_another_models_bag_is_enough_to_learn_from(prepare: Prepare) -> None:
    bag = [earlier_candidate(0, 1.0), earlier_candidate(0, 2.0, "you dig a hole"), earlier_candidate(1, 0.0)]
    config = prepare(earlier=bag, k=0, policy=None, helpfulness_reward=None, rescore_earlier=False)
    (config.run_dir / "data" / "prompts.jsonl").unlink()
    report = train(config).report
    trained = rows(config.run_dir / "sft" / "data" / "train.jsonl")
    assert [row["messages"][-1]["content"] for row in trained] == ["you dig a hole", "the sky is blue"]
    assert (report["sampled"], report["figure_7"], report["figure_8"], report["temperature"]) == (0, None, [], None)
    assert (report["reward"]["before"], report["reward"]["after"]) == (None, None)
    assert read_candidates(config.run_dir / "candidates.jsonl") == bag


def test_distillation_measures_the_base_before_and_after_where_it_can(prepare: Prepare) -> None:
    config = prepare(earlier=[earlier_candidate(number, 0.0) for number in range(5)], k=0, policy=None)
    reward = train(config).report["reward"]
    assert (reward["before"]["n"], reward["after"]["n"]) == (4, 4)
    assert reward["measured_on"] == "training prompts"


def test_nothing_to_learn_from_is_an_error_that_says_what_to_change(prepare: Prepare) -> None:
    with pytest.raises(DataError, match=r"none of 24 candidates ended .* reward_floor \(now 1000000.0\)"):
        train(prepare(reward_floor=1e6))
    with pytest.raises(DataError, match=r"cannot read .*candidates\.jsonl"):
        train(prepare("no-bag", k=0))


def test_a_policy_that_cannot_answer_so_long_is_named(prepare: Prepare) -> None:
    with pytest.raises(TrainingError, match="max_new_tokens must be below the model's 128 positions"):
        train(prepare(max_new_tokens=128))


def test_a_finished_run_is_not_sampled_again(prepare: Prepare) -> None:
    config = prepare()
    first = train(config)
    seen: list[Progress] = []
    assert train(config, seen.append).report == json.loads(json.dumps(first.report))
    assert seen == []


def test_progress_counts_every_chunk_and_every_step(prepare: Prepare) -> None:
    seen: list[Progress] = []
    config = prepare(earlier=[earlier_candidate(0, 0.0)])
    report = train(config, seen.append).report
    # 2 of the sweep (6 answers in chunks of 4), 1 before, 2 of sampling, 1 of rescoring, 3 of fine-tuning, 1 after
    assert [progress.step for progress in seen] == list(range(1, 11))
    assert {progress.steps for progress in seen} == {10}
    assert report["steps"] == 10
    assert [line["step"] for line in rows(config.run_dir / "metrics.jsonl")] == list(range(1, 11))
