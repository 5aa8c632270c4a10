"""What a learner does with one step: passes, gradients, the optimizer, and being asked to stop."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from modeling.checkpoints import new_reward_model
from modeling.distributed import Ranks
from modeling.learner import Learner, starting_device
from modeling.recipe import Stopped, TrainingError
from modeling.resuming import newest_state
from modeling.reward_config import RewardConfig
from modeling.shared_prefix import Packed, Row, end_scores, pack

IDENTITY = {"run": "this"}
BATCH = pack([Row([1, 20, 21], [[30, 2], [40, 41, 2]])], pad_token_id=0)


@pytest.fixture
def learner_of(tmp_path: Path, base: Path) -> Callable[..., Learner]:
    """A learner of the tiny reward model, in a folder of its own."""

    def make(should_stop: Callable[[], bool] = lambda: False, **changes: Any) -> Learner:
        settings = {"batch_size": 4, "learning_rate": 1e-2, "gradient_clip": 1e9} | changes
        config = RewardConfig(run_dir=tmp_path, base=base, **settings)
        return Learner(new_reward_model(base).model, end_scores, config, Ranks(), IDENTITY, should_stop)

    return make


def one_each(indices: Sequence[int]) -> list[list[int]]:
    return [[index] for index in indices]


def step(learner: Learner, batch: Packed = BATCH) -> float:
    """One step that makes the first answer's score rise; the gradient's norm."""
    learner.begin_step(learning_rate=1e-2)
    (-learner.forward(batch)[:, 0].sum()).backward()
    norm = learner.update(loss=0.0)
    learner.end_step()
    return norm


def test_one_process_passes_over_every_group_with_its_full_weight(learner_of: Callable[..., Learner]) -> None:
    assert list(learner_of().passes(one_each, 3)) == [([0], 1.0), ([1], 1.0), ([2], 1.0)]
    assert list(learner_of().passes(one_each, 0)) == []


def test_a_learner_that_is_asked_to_stop_between_passes_keeps_its_last_complete_step(
    learner_of: Callable[..., Learner],
) -> None:
    answers = iter([False, False, False, True])
    learner = learner_of(should_stop=lambda: next(answers))
    step(learner)
    done = {name: tensor.clone() for name, tensor in learner.weights().items()}
    learner.begin_step(learning_rate=1e-2)
    with pytest.raises(Stopped):
        for _ in learner.passes(one_each, 2):
            learner.forward(BATCH).sum().backward()
    assert all(parameter.grad is None for parameter in learner.parameters)
    state = newest_state(learner.states, IDENTITY)
    assert state is not None
    assert state["step"] == 1
    for name, tensor in done.items():
        torch.testing.assert_close(state["model"][name], tensor, atol=0, rtol=0)


def test_a_step_decays_matrices_and_leaves_norms_to_their_gradient(learner_of: Callable[..., Learner]) -> None:
    # a head of zeros passes no gradient on: below it a step is the decay alone, lr * weight_decay of each matrix
    learner = learner_of(weight_decay=0.5)
    before = {name: tensor.clone() for name, tensor in learner.weights().items()}
    step(learner)
    after = learner.weights()
    for name in ("model.layers.0.self_attn.q_proj.weight", "model.embed_tokens.weight"):
        torch.testing.assert_close(after[name], before[name] * (1 - 1e-2 * 0.5))
    norm = "model.layers.0.input_layernorm.weight"
    torch.testing.assert_close(after[norm], before[norm], atol=0, rtol=0)


def test_a_gradient_longer_than_allowed_is_cut_and_its_whole_length_returned(
    learner_of: Callable[..., Learner], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = step(learner_of())
    learner = learner_of(gradient_clip=whole / 4)
    seen: list[float] = []
    monkeypatch.setattr(learner.optimizer, "step", lambda: seen.append(float(learner.model.score.weight.grad.norm())))
    assert step(learner) == pytest.approx(whole)
    assert seen == [pytest.approx(whole / 4, rel=1e-5)]  # of a head of zeros, the head alone has a gradient


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_leaves_the_weights_as_they_were(
    learner_of: Callable[..., Learner], loss: float
) -> None:
    learner = learner_of()
    before = {name: tensor.clone() for name, tensor in learner.weights().items()}
    learner.begin_step(learning_rate=1e-2)
    learner.forward(BATCH).sum().backward()
    with pytest.raises(TrainingError, match=rf"step 1: the loss is {loss}.*Lower learning_rate \(now 0\.01\)"):
        learner.update(loss)
    for name, tensor in learner.weights().items():
        torch.testing.assert_close(tensor, before[name], atol=0, rtol=0)
    assert all(parameter.grad is None for parameter in learner.parameters)


def test_a_learner_goes_on_where_another_stopped_bit_for_bit(learner_of: Callable[..., Learner]) -> None:
    whole = learner_of()
    for _ in range(3):
        step(whole)
    first = learner_of()
    for _ in range(2):
        step(first)
    first.kept["drawn"] = [1, 2]
    first.keep()
    second = learner_of()
    assert second.restore().step == 2
    assert second.kept == {"drawn": [1, 2]}
    step(second)
    for name, tensor in whole.weights().items():
        torch.testing.assert_close(second.weights()[name], tensor, atol=0, rtol=0)


def test_weights_that_were_taken_out_can_be_put_back(learner_of: Callable[..., Learner]) -> None:
    learner = learner_of()
    start = {name: tensor.clone() for name, tensor in learner.weights().items()}
    step(learner)
    assert float(learner.weights()["score.weight"].abs().sum()) > 0
    learner.take(start)
    for name, tensor in learner.weights().items():
        torch.testing.assert_close(tensor, start[name], atol=0, rtol=0)


def test_a_model_to_be_sharded_is_loaded_on_the_cpu(tmp_path: Path, base: Path) -> None:
    config = RewardConfig(run_dir=tmp_path, base=base, sharded=True)
    assert starting_device(config, Ranks(rank=1, size=2)) == torch.device("cpu")
