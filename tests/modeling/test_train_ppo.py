"""What PPO does to a tiny policy: it writes what the reward model prefers, reports truthfully, and stops in time."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from modeling import held_out as held_out_module
from modeling import rollouts, train_ppo
from modeling.chat import Message
from modeling.checkpoints import RewardModel, digest, load_policy, load_reward_model, save
from modeling.json_lines import DataError
from modeling.packing import pad
from modeling.ppo_config import PPOConfig
from modeling.prompt_data import read_prompts
from modeling.recipe import Progress, Stopped, TrainingError
from modeling.rollouts import Rollout, example_of
from modeling.scoring import score
from modeling.train_ppo import train
from modeling.value_head import add_value_head, token_figures
from tests.modeling.conftest import SENTENCES

MakeRun = Callable[..., Path]


def prompts(numbers: range, **fields: Any) -> list[dict[str, Any]]:
    return [
        {"messages": [{"role": "user", "content": f"{SENTENCES[number % 5]} {number}"}], "id": f"p{number}", **fields}
        for number in numbers
    ]


@pytest.fixture(scope="session")
def rewarding(tmp_path_factory: pytest.TempPathFactory, reward_model: RewardModel) -> Path:
    """The folder of a reward model whose scores differ."""
    folder = tmp_path_factory.mktemp("rewarding") / "model"
    save(reward_model.model, reward_model.tokenizer, folder)
    return folder


@pytest.fixture
def make_ppo(tmp_path: Path, base: Path, rewarding: Path) -> Callable[..., PPOConfig]:
    """Writes a run's folder with its prompts; the config of a run of three short iterations."""

    def make(
        trained: Sequence[Any] = (), held_out: Sequence[Any] | None = (), name: str = "run", **settings: Any
    ) -> PPOConfig:
        data = tmp_path / name / "data"
        data.mkdir(parents=True)
        for part, rows in (("prompts", trained or prompts(range(10))), ("held_out", held_out)):
            if rows is not None:
                (data / f"{part}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
        few = {
            "iterations": 3,
            "batch_size": 8,
            "mini_batch_size": 4,
            "learning_rate": 1e-3,
            "max_new_tokens": 6,
            "max_length": 60,
            "token_budget": 100,
            "evaluate_every": 1,
            "patience": 0,
        }
        return PPOConfig(run_dir=data.parent, base=base, helpfulness_reward=rewarding, **(few | settings))

    return make


MakePPO = Callable[..., PPOConfig]


def noted(monkeypatch: pytest.MonkeyPatch) -> list[Rollout]:
    """The answers that a run's iterations learn from, as they come."""
    drawn: list[Rollout] = []
    real = train_ppo.roll_out

    def note(*arguments: Any) -> list[Rollout]:
        rollouts = real(*arguments)
        drawn.extend(rollouts)
        return rollouts

    monkeypatch.setattr(train_ppo, "roll_out", note)
    return drawn


def lines(config: PPOConfig) -> list[dict[str, float]]:
    return [json.loads(line) for line in (config.run_dir / "metrics.jsonl").read_text().splitlines()]


def figures(config: PPOConfig) -> list[dict[str, float]]:
    """The metrics but their timings."""
    return [
        {name: value for name, value in line.items() if name != "seconds" and not name.endswith("_per_second")}
        for line in lines(config)
    ]


def model_bytes(config: PPOConfig) -> bytes:
    return (config.run_dir / "model" / "model.safetensors").read_bytes()


def test_the_policy_learns_what_the_reward_model_prefers_and_the_penalty_keeps_it_near_its_start(
    make_ppo: MakePPO,
) -> None:
    free, held = (
        train(
            make_ppo(
                held_out=prompts(range(20, 60)),
                name=f"beta-{beta}",
                iterations=16,
                batch_size=64,
                mini_batch_size=64,
                learning_rate=3e-3,
                beta=beta,
                evaluate_every=16,
                token_budget=4000,
            )
        ).report
        for beta in (0.0, 1.0)
    )

    assert free["start"] == held["start"]
    assert free["start"]["kl"] == pytest.approx(0, abs=1e-5)
    assert free["end"]["reward"] > free["start"]["reward"] + 0.05
    assert 0 < held["end"]["kl"] < 0.6 * free["end"]["kl"]


def test_before_the_first_update_policy_and_reference_agree_and_the_value_head_knows_nothing(
    make_ppo: MakePPO,
) -> None:
    config = make_ppo(iterations=1, mini_batch_size=8)
    train(config)
    (line,) = figures(config)
    assert line["kl"] == pytest.approx(0, abs=1e-5)
    assert line["explained_variance"] == pytest.approx(0, abs=1e-6)
    # one gradient step: its ratio is 1 on every token, and whitened advantages add up to 0 over the batch
    assert (line["clip_fraction"], line["approximate_kl"]) == pytest.approx((0, 0), abs=1e-6)
    assert line["policy_loss"] == pytest.approx(0, abs=1e-6)
    assert line["sampling_mismatch"] == pytest.approx(0, abs=1e-5)


def test_every_iteration_is_logged_and_the_report_written(make_ppo: MakePPO, rewarding: Path) -> None:
    config = make_ppo(held_out=prompts(range(20, 24)), safety_reward=rewarding, evaluate_every=2)
    result = train(config)
    names = {
        *("step", "steps", "seconds", "answers_per_second", "learning_rate"),
        *("reward", "reward_logit", "helpfulness", "safety", "kl", "answer_tokens", "ended", "sampling_mismatch"),
        *("loss", "policy_loss", "value_loss", "entropy", "clip_fraction", "approximate_kl", "explained_variance"),
        *("gradient_norm", "gradient_norm_largest"),
    }
    held_out = {"held_out_reward", "held_out_reward_logit", "held_out_kl"}
    assert [set(line) for line in lines(config)] == [names, names | held_out, names | held_out]
    assert [line["learning_rate"] for line in lines(config)] == [1e-3] * 3  # constant
    assert json.loads((config.run_dir / "report.json").read_text()) == result.report
    assert result.report["model_digest"] == digest(result.model)
    assert (result.report["steps"], result.report["answers"]) == (3, 24)
    assert result.report["stop_reason"] == "all iterations are done"
    assert result.report["start"]["iteration"] == 0
    assert result.report["end"]["iteration"] == 3


def test_the_model_that_is_saved_is_a_plain_chat_model(make_ppo: MakePPO, base: Path) -> None:
    result = train(make_ppo(iterations=1))
    trained, start = load_policy(result.model).model.state_dict(), load_policy(base).model.state_dict()
    assert trained.keys() == start.keys()
    assert any(not torch.equal(trained[name], start[name]) for name in start)


def test_one_step_equals_a_reference_written_differently(
    make_ppo: MakePPO, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make_ppo(iterations=1, batch_size=4, mini_batch_size=4, learning_rate=1e-3, beta=0.3, precision="float32")
    drawn = noted(monkeypatch)
    trained = load_policy(train(config).model).model.state_dict()

    # The policy is pi_0 in the first iteration (no penalty) and every value is 0: token t of an answer of n tokens with
    # the whitened reward w has the advantage 0.95^(n - 1 - t) w before whitening; the gradient of the ratio (1) is that
    # of log pi.
    scores = [rollout.helpfulness for rollout in drawn]
    mean = sum(scores) / 4
    deviation = math.sqrt(sum((each - mean) ** 2 for each in scores) / 4)
    advantages = [
        0.95 ** (len(rollout.answer) - 1 - place) * (each - mean) / deviation
        for rollout, each in zip(drawn, scores, strict=True)
        for place in range(len(rollout.answer))
    ]
    centre = sum(advantages) / len(advantages)
    spread = math.sqrt(sum((each - centre) ** 2 for each in advantages) / len(advantages))
    policy = load_policy(base).model
    values = torch.nn.Linear(48, 1)
    torch.nn.init.zeros_(values.weight)
    torch.nn.init.zeros_(values.bias)
    loss, token = torch.zeros(()), 0
    for rollout in drawn:
        output = policy(torch.tensor([rollout.prompt + rollout.answer]), output_hidden_states=True)
        for place, drawn_token in enumerate(rollout.answer):
            before = len(rollout.prompt) + place - 1
            log_pi = output.logits[0, before].log_softmax(dim=-1)[drawn_token]
            value = values(output.hidden_states[-1][0, before])[0]
            error = 0.5 * (value - advantages[token]) ** 2
            loss = loss - (advantages[token] - centre) / spread * log_pi + 0.1 * error
            token += 1
    (loss / token).backward()
    parameters = [*policy.named_parameters(), *values.named_parameters()]
    norm = math.sqrt(sum(float((parameter.grad**2).sum()) for _, parameter in parameters))
    assert figures(config)[0]["gradient_norm"] == pytest.approx(norm, rel=1e-4)
    # AdamW's first update is lr * g / (|g| + eps), after decay by 1 - lr * 0.1
    for name, parameter in policy.named_parameters():
        gradient = parameter.grad * min(1.0, 1 / norm)
        decayed = parameter * (1 - 1e-3 * 0.1) if parameter.ndim == 2 else parameter
        expected = decayed - 1e-3 * gradient / (gradient.abs() + 1e-5)
        torch.testing.assert_close(trained[name], expected.detach(), atol=2e-5, rtol=0)


def test_answer_tokens_are_asked_alone_and_prompt_tokens_get_no_gradient_of_their_own(base: Path) -> None:
    policy, tokenizer = load_policy(base)
    add_value_head(policy)
    hidden: list[torch.Tensor] = []
    policy.model.norm.register_forward_hook(lambda module, arguments, output: hidden.append(output))
    prompt, answer = [1, 5, 6, 7], [8, 9, tokenizer.eos_token_id]

    logprobs = token_figures(policy, pad([[example_of(prompt, answer)]], 0))[:, 0]
    expected = policy(torch.tensor([prompt + answer])).logits[0].log_softmax(dim=-1)
    for place, token in enumerate(answer):
        torch.testing.assert_close(logprobs[place], expected[len(prompt) + place - 1, token])
    (gradient,) = torch.autograd.grad(logprobs.sum(), hidden[:1])
    # the last prompt token decides the answer's first one; the answer's last token decides nothing
    assert [bool(place.any()) for place in gradient[0]] == [False] * 3 + [True] * 3 + [False]


def test_the_learning_does_not_depend_on_the_memory_that_it_may_take(make_ppo: MakePPO) -> None:
    curves = []
    for budget in (1, 10_000):
        config = make_ppo(name=f"budget-{budget}", token_budget=budget)
        train(config)
        curves.append(figures(config))
    for line, other in zip(*curves, strict=True):
        assert line == pytest.approx(other, rel=1e-5, abs=1e-5)


def test_the_reward_is_the_score_of_the_answer_and_falls_on_its_last_token(
    make_ppo: MakePPO, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make_ppo(iterations=1, batch_size=10, mini_batch_size=10)
    drawn = noted(monkeypatch)
    train(config)
    judge = load_reward_model(config.helpfulness_reward)
    decoded = [
        (judge.tokenizer.decode(rollout.prompt), judge.tokenizer.decode(rollout.answer, skip_special_tokens=True))
        for rollout in drawn
    ]
    asked = {f"{SENTENCES[number % 5]} {number}" for number in range(10)}
    exchanges = []
    for prompt, answer in decoded:
        (content,) = (each for each in asked if f"[INST] {each} [/INST]" in prompt)
        exchanges.append(([Message(role="user", content=content)], answer.strip()))
    assert [rollout.helpfulness for rollout in drawn] == pytest.approx(score(judge, exchanges), abs=1e-5)

    experience = train_ppo._experience(drawn, replace(config, gae_lambda=0.0, gamma=0.0))
    # without looking ahead, a return is its token's own reward: whitened at the last token, 0 before (pi is pi_0)
    last = experience.mask.sum(dim=1) - 1
    ends = experience.returns[torch.arange(10), last]
    scores = torch.tensor([rollout.helpfulness for rollout in drawn])
    torch.testing.assert_close(ends, (scores - scores.mean()) / scores.std(correction=0), atol=1e-5, rtol=0)
    others = experience.returns.clone()
    others[torch.arange(10), last] = 0
    assert float(others.abs().max()) < 1e-5


def test_an_answer_that_does_not_end_loses_the_penalty_that_is_set(make_ppo: MakePPO) -> None:
    def rollout(ended: bool) -> Rollout:
        zeros = torch.zeros(2)
        return Rollout([1, 5], [7, 2], ended, False, 1.0, None, zeros, zeros, zeros, zeros)

    config = make_ppo(truncation_penalty=0.75)
    experience = train_ppo._experience([rollout(True), rollout(False)], config)
    # equal scores are whitened to 0; the return of a last token is its reward
    assert experience.returns[:, 1].tolist() == pytest.approx([0.0, -0.75], abs=1e-6)


def test_a_prompt_that_occurs_twice_in_a_batch_is_answered_twice(
    make_ppo: MakePPO, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make_ppo(prompts(range(2)), iterations=1, batch_size=8)
    drawn = noted(monkeypatch)
    train(config)
    assert len({tuple(rollout.prompt) for rollout in drawn}) == 2
    assert len({(*rollout.prompt, *rollout.answer) for rollout in drawn}) > 4


def test_iterations_go_through_all_prompts_before_one_returns(make_ppo: MakePPO) -> None:
    config = make_ppo(batch_size=4)
    known = read_prompts(config.run_dir / "data" / "prompts.jsonl")
    drawn = [prompt.id for step in range(5) for prompt in train_ppo._batch_of(known, config, step)]
    assert len(drawn) == 20
    assert sorted(drawn[:10]) == sorted(drawn[10:]) == sorted(prompt.id for prompt in known)
    assert drawn[:10] != drawn[10:]


def test_it_stops_early_when_the_held_out_reward_stalls_and_saves_the_best_weights(
    make_ppo: MakePPO, monkeypatch: pytest.MonkeyPatch
) -> None:
    rewards = iter([0.5, 0.6, 0.7, 0.65, 0.7, 0.1])
    real = held_out_module.figures_of
    monkeypatch.setattr(held_out_module, "figures_of", lambda *args: {**real(*args), "reward": next(rewards)})
    config = make_ppo(held_out=prompts(range(20, 22)), iterations=9, patience=2, checkpoint_every=50)
    result = train(config)

    assert result.report["steps"] == 4
    assert result.report["stop_reason"] == "the held-out reward stalled"
    assert (result.report["best"]["iteration"], result.report["best"]["reward"]) == (2, 0.7)
    assert result.report["end"]["iteration"] == 4
    best = make_ppo(name="two", iterations=2, checkpoint_every=50)
    train(best)  # without held-out prompts the last weights are saved
    assert model_bytes(config) == model_bytes(best)


def test_a_divergence_beyond_the_limit_stops_the_run_and_says_so(make_ppo: MakePPO) -> None:
    config = make_ppo(iterations=9, learning_rate=3e-2, beta=0.0, kl_limit=0.5, checkpoint_every=1)
    expected = r"after iteration \d: the policy is .* nats per answer from pi_0, more than kl_limit \(0\.5\).*beta"
    with pytest.raises(TrainingError, match=expected):
        train(config)
    assert list((config.run_dir / "checkpoints").glob("step-*"))
    assert not (config.run_dir / "model").exists()
    assert not (config.run_dir / "report.json").exists()


def test_a_reward_that_is_no_number_stops_the_run(make_ppo: MakePPO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollouts, "score", lambda model, exchanges, **limits: [math.nan] * len(exchanges))
    with pytest.raises(TrainingError, match=r"after iteration 0: the mean reward is nan.*damaged weights"):
        train(make_ppo())


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_its_checkpoint(
    make_ppo: MakePPO, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0
    real = train_ppo.policy_loss

    def broken(*arguments: Any, **options: Any) -> torch.Tensor:
        nonlocal calls
        calls += 1
        return real(*arguments, **options) * (math.nan if calls == 4 else 1)

    monkeypatch.setattr(train_ppo, "policy_loss", broken)
    config = make_ppo(token_budget=10_000, checkpoint_every=1)
    with pytest.raises(TrainingError, match=r"step 2: the loss is nan.*Lower learning_rate"):
        train(config)
    assert [path.name for path in (config.run_dir / "checkpoints").iterdir()] == ["step-1"]


@pytest.mark.parametrize("asked_at", [3, 20, 41, 60])
def test_a_run_that_is_asked_to_stop_at_any_point_resumes_to_the_same_weights(make_ppo: MakePPO, asked_at: int) -> None:
    held_out = prompts(range(20, 24))
    whole, stopped = (make_ppo(held_out=held_out, name=name, checkpoint_every=2) for name in ("whole", "stopped"))
    train(whole)
    asked = 0

    def should_stop() -> bool:
        nonlocal asked
        asked += 1
        return asked == asked_at

    with pytest.raises(Stopped, match="start the run again to go on"):
        train(stopped, should_stop=should_stop)
    train(stopped)
    assert model_bytes(stopped) == model_bytes(whole)
    assert figures(stopped) == figures(whole)


def test_an_iteration_that_was_stopped_between_its_gradient_steps_keeps_its_answers(
    make_ppo: MakePPO, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, stopped = (make_ppo(name=name) for name in ("whole", "stopped"))
    train(whole)
    updates = 0
    real = train_ppo._update

    def counted(*arguments: Any) -> dict[str, float]:
        nonlocal updates
        updates += 1
        return real(*arguments)

    monkeypatch.setattr(train_ppo, "_update", counted)
    with pytest.raises(Stopped):
        train(stopped, should_stop=lambda: updates == 4)  # within the second step of the second iteration
    seen: list[Progress] = []
    drawn = noted(monkeypatch)
    train(stopped, seen.append)
    assert [progress.step for progress in seen] == [2, 3]
    assert len(drawn) == 8  # the third iteration's; the second's were kept
    assert updates == 4 + 3
    assert model_bytes(stopped) == model_bytes(whole)
    assert figures(stopped) == figures(whole)


def test_a_killed_run_resumes_to_the_same_weights(make_ppo: MakePPO) -> None:
    class Killed(BaseException):
        """Stands for a process that ends without a chance to clean up."""

    def kill(progress: Progress) -> None:
        if progress.step == 3:
            raise Killed

    held_out = prompts(range(20, 24))
    whole, killed = (
        make_ppo(held_out=held_out, name=name, checkpoint_every=2, iterations=4, evaluate_every=3)
        for name in ("whole", "killed")
    )
    train(whole)
    with pytest.raises(Killed):
        train(killed, kill)
    train(killed)
    assert model_bytes(killed) == model_bytes(whole)
    assert figures(killed) == figures(whole)


def test_adapters_learn_against_the_model_without_them(make_ppo: MakePPO, base: Path) -> None:
    config = make_ppo(held_out=prompts(range(20, 24)), lora_rank=4, iterations=2, beta=0.1)
    result = train(config)
    first, second = figures(config)
    assert first["kl"] == pytest.approx(0, abs=1e-5)
    assert abs(second["kl"]) > 1e-4
    trained, start = load_policy(result.model).model.state_dict(), load_policy(base).model.state_dict()
    assert trained.keys() == start.keys()


def test_mixed_precision_and_gradient_checkpointing_train_too(make_ppo: MakePPO) -> None:
    config = make_ppo(precision="bfloat16", gradient_checkpointing=True, iterations=2, mini_batch_size=8)
    train(config)
    first = figures(config)[0]
    # the engine and the learner round differently in bfloat16; the ratio is between the learner's own
    assert 0 < first["sampling_mismatch"] < 0.1
    assert first["approximate_kl"] == pytest.approx(0, abs=1e-6)


def test_a_finished_run_is_not_trained_again(make_ppo: MakePPO) -> None:
    config = make_ppo(iterations=1)
    first = train(config)
    seen: list[Progress] = []
    assert train(config, seen.append).report == first.report
    assert seen == []


def test_prompts_that_leave_no_room_for_an_answer_are_left_out_and_counted(make_ppo: MakePPO) -> None:
    rows = prompts(range(4))
    rows[0]["messages"][0]["content"] = "the sky is blue " * 20
    assert train(make_ppo(rows, iterations=1)).report["prompts_left_out"] == 1
    with pytest.raises(DataError, match=r"none of 1 prompts fits into 54 tokens, max_length \(60\)"):
        train(make_ppo(rows[:1], name="none"))


def test_data_that_cannot_be_used_start_nothing(make_ppo: MakePPO) -> None:
    with pytest.raises(DataError, match=r"the held-out prompt 'p3' is also trained on, as 'p3'"):
        train(make_ppo(held_out=prompts(range(3, 4))))
    with pytest.raises(DataError, match=r"prompts\.jsonl, line 2: field messages is missing"):
        train(make_ppo([*prompts(range(1)), {"id": "x"}], name="missing"))


def test_held_out_prompts_may_be_absent(make_ppo: MakePPO) -> None:
    report = train(make_ppo(held_out=None, iterations=1)).report
    assert report["held_out_prompts"] == 0
    assert report["best"] is None
