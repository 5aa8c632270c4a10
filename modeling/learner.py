"""A model that learns: the model with its optimizer and its checkpoints, in one process or in several."""

import math
import time
import types
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

import torch
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from modeling.adapters import add_adapters, merged
from modeling.checkpoints import best_device, save
from modeling.distributed import Ranks
from modeling.metrics import keep_metrics
from modeling.recipe import Progress, Report, ShouldStop, Stopped, TrainingError, log_step, step_seed
from modeling.resuming import Position, newest_state, save_state
from modeling.training_config import TrainingConfig

Pass = tuple[list[int], float]
"""The rows of one forward pass, and the weight of its loss: 1, or 0 for one that only keeps the processes in step."""

_WHOLE = StateDictOptions(full_state_dict=True, cpu_offload=True)


class Learner:
    """Updates a model's weights by gradients that add up over forward passes and over processes.

    A step is: begin_step, a forward for each of its passes with the loss's backward, update, end_step.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        forward: Callable[..., Tensor],
        config: TrainingConfig,
        ranks: Ranks,
        identity: dict[str, Any],
        should_stop: ShouldStop,
    ) -> None:
        """model: in float32, on its starting_device; put into training mode and, as configured, given adapters or
        sharded.
        forward: takes the model and a batch; call it as learner.forward(batch).
        identity: what makes the run this run (recipe.identity_of); a state of another one is never loaded.
        """
        self.config, self.ranks, self.identity, self.should_stop = config, ranks, identity, should_stop
        self.states = config.run_dir / "checkpoints"
        self.model = model.train()
        if config.gradient_checkpointing:
            model.activation_checkpointing_enable()
        if config.lora_rank:
            add_adapters(model, config.lora_rank, config.lora_alpha)
        self.is_sharded = config.sharded and ranks.size > 1
        self._forward: Callable[..., Tensor] = types.MethodType(forward, model)
        if self.is_sharded:
            self._forward = _shard(model, forward)
        self.parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self.optimizer = _adamw(self.parameters, config)
        self.position = Position(0, 0.0)
        self.kept: dict[str, Any] = {}

    def forward(self, *batch: Any) -> Tensor:
        """The model's outputs for a batch, in the configured precision."""
        with self.autocast():
            return self._forward(*batch)

    def autocast(self) -> torch.autocast:
        """The configured precision."""
        device = self.parameters[0].device.type
        return torch.autocast(device, torch.bfloat16, enabled=self.config.precision == "bfloat16")

    def restore(self) -> Position:
        """Goes on from the newest whole checkpoint, if there is one; its ``kept`` is what the recipe kept beside the
        weights. Raises ResumeError where the checkpoint is another run's."""
        state = newest_state(self.states, self.identity)
        if state is not None:
            self.position, self.kept = Position(state["step"], state["seconds"]), state["kept"]
            self.take(state["model"])
            if state["optimizer"]:
                set_optimizer_state_dict(self.model, self.optimizer, state["optimizer"], options=_WHOLE)
        if self.ranks.is_first:
            keep_metrics(self.config.run_dir / "metrics.jsonl", self.position.step)
        self.ranks.barrier()
        return self.position

    def begin_step(self, learning_rate: float) -> None:
        """Starts a step: where any process was asked to stop, keeps a checkpoint and raises Stopped."""
        self.stop_if_asked()
        torch.manual_seed(step_seed(self.config.seed, self.position.step))
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        self._started = time.perf_counter()

    def stop_if_asked(self) -> None:
        """Where any process was asked to stop, keeps a checkpoint and raises Stopped: a place where all of them meet.
        A recipe of several updates per step asks between them, with what the rest of the step needs in ``kept``.
        """
        if self.ranks.any(self.should_stop()):
            self._stop()

    def passes(self, groups_of: Callable[[Sequence[int]], list[list[int]]], count: int) -> Iterator[Pass]:
        """This process's forward passes over a batch of ``count`` rows, grouped by ``groups_of`` (indices in, groups of
        indices out). Where any process was asked to stop, all stop between passes: the step is forgotten. Sharded
        processes meet in every pass, so those with fewer groups repeat one, with weight 0.
        """
        own = self.ranks.share(range(count))
        groups = groups_of(own) if own else []
        spare = groups[0] if groups else [0]
        for place in range(max(self.ranks.gathered([len(groups)]))):
            self.stop_if_asked()
            if place < len(groups):
                yield groups[place], 1.0
            elif self.is_sharded:
                yield spare, 0.0

    def update(self, loss: float) -> float:
        """One optimizer step by the gradients that were added up; returns their norm before clipping.

        loss: the step's, for the message. Raises TrainingError, with the weights untouched, where the loss or the norm
        is no finite number.
        """
        if not self.is_sharded:
            self.ranks.sum_gradients(self.parameters)
        clipped: Any = nn.utils.clip_grad_norm_(self.parameters, self.config.gradient_clip)
        norm = float(clipped.full_tensor() if self.is_sharded else clipped)
        if not (math.isfinite(loss) and math.isfinite(norm)):
            self.optimizer.zero_grad()
            raise TrainingError(
                f"step {self.position.step + 1}: the loss is {loss}, its gradient's norm {norm}; the last "
                f"checkpoint is untouched. Lower learning_rate (now {self.config.learning_rate}) or look for damaged "
                f"weights in the base {self.config.base}"
            )
        self.optimizer.step()
        self.optimizer.zero_grad()
        return norm

    def end_step(self) -> float:
        """Counts the step as done; returns the seconds that it took."""
        seconds = time.perf_counter() - self._started
        self.position = Position(self.position.step + 1, self.position.seconds + seconds)
        return seconds

    def log_and_keep(self, steps: int, figures: dict[str, float], report: Report) -> None:
        """After a step: logs every log_every-th and the last, keeps every checkpoint_every-th and the last."""
        step, is_last = self.position.step, self.position.step == steps
        if step % self.config.log_every == 0 or is_last:
            log_step(self.config.run_dir, Progress(step, steps, self.position.seconds, figures), report, self.ranks)
        if step % self.config.checkpoint_every == 0 or is_last:
            self.keep()

    def keep(self) -> None:
        """Writes a checkpoint to resume from, whole or not at all: weights, optimizer, position, and ``kept``."""
        model, optimizer = self.weights(), self._optimizer_state()
        if self.ranks.is_first:
            state = {"identity": self.identity, "model": model, "optimizer": optimizer, "kept": self.kept}
            save_state(self.states, self.position, state)
        self.ranks.barrier()

    def weights(self) -> dict[str, Tensor]:
        """The weights that learn, gathered from all processes where they are sharded (whole on the first alone)."""
        if not self.config.lora_rank:
            return self._all_weights()
        learning = {name for name, parameter in self.model.named_parameters() if parameter.requires_grad}
        weights = self._all_weights(ignore_frozen_params=True)
        return {name: tensor for name, tensor in weights.items() if name in learning}

    def take(self, weights: dict[str, Any]) -> None:
        """Puts back what weights() gave, of this process or another run's state."""
        strict = not self.config.lora_rank
        if self.is_sharded:
            set_model_state_dict(self.model, weights, options=StateDictOptions(full_state_dict=True, strict=strict))
        else:
            self.model.load_state_dict(weights, strict=strict)

    def copy_to(self, model: PreTrainedModel) -> None:
        """Brings a whole copy of a sharded model up to date, in every process: to generate by, which sharded weights
        are slow at (paper, section 3.2.3)."""
        weights = get_model_state_dict(self.model, options=StateDictOptions(full_state_dict=True))
        model.load_state_dict(weights, strict=False)  # the copy has no value head

    def save_model(self, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
        """Writes the model as a checkpoint that anyone can load, its adapters merged, by the first rank."""
        weights = self._all_weights()
        if self.ranks.is_first:
            once = {name for name, _ in self.model.named_parameters()}  # tied weights are gathered under both names
            again = {name for name, _ in self.model.named_parameters(remove_duplicate=False)} - once
            weights = {name: tensor for name, tensor in weights.items() if name not in again}
            save(self.model, tokenizer, folder, merged(self.model, weights) if self.config.lora_rank else weights)
        self.ranks.barrier()

    def _stop(self) -> NoReturn:
        """The optimizer hasn't moved since the last update: the state is that of completed work."""
        self.optimizer.zero_grad()
        self.keep()
        raise Stopped

    def _all_weights(self, ignore_frozen_params: bool = False) -> dict[str, Tensor]:
        if not self.is_sharded:
            return self.model.state_dict()
        options = StateDictOptions(full_state_dict=True, cpu_offload=True, ignore_frozen_params=ignore_frozen_params)
        whole: dict[str, Any] = get_model_state_dict(self.model, options=options)
        return whole

    def _optimizer_state(self) -> dict[str, Any]:
        """The optimizer's state by the names of the weights, whole on the first process: sharded or not, the same.
        Empty before the first update: torch would make one up that counts an update."""
        if not self.optimizer.state:
            return {}
        return get_optimizer_state_dict(self.model, self.optimizer, options=_WHOLE)


def starting_device(config: TrainingConfig, ranks: Ranks) -> torch.device:
    """Where a model is loaded that a Learner is to train: the CPU where it will be sharded, from which its layers go to
    the GPUs one by one, so that no GPU ever holds the whole."""
    return torch.device("cpu") if config.sharded and ranks.size > 1 else best_device()


def _adamw(parameters: Sequence[nn.Parameter], config: TrainingConfig) -> torch.optim.AdamW:
    """AdamW with the paper's constants (section 2.2); weight decay on matrices, not on norms."""
    matrices = [parameter for parameter in parameters if parameter.ndim >= 2]
    others = [parameter for parameter in parameters if parameter.ndim < 2]
    groups = [{"params": matrices, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}]
    groups = [group for group in groups if group["params"]]
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.95), eps=1e-5)


def _shard(model: PreTrainedModel, forward: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """FSDP: every decoder layer's weights spread over the processes, gathered while the layer is in use; gradients are
    summed, as Ranks.sum_gradients does. Returns ``forward`` as the way to call the sharded model."""
    from torch.distributed.fsdp import FSDPModule, fully_shard, register_fsdp_forward_method

    for module in model.modules():
        if type(module).__name__.endswith("DecoderLayer"):
            fully_shard(module)
    fully_shard(model)
    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.set_gradient_divide_factor(1.0)
            module.set_force_sum_reduction_for_comms(True)
    model.recipe_forward = types.MethodType(forward, model)
    register_fsdp_forward_method(model, "recipe_forward")
    return model.recipe_forward
