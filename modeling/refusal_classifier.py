"""A trained refusal classifier, whichever its kind: how it is kept, found again, and asked about answers."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from modeling.chat import Message
from modeling.checkpoints import (
    CheckpointError,
    RewardModel,
    file_digest,
    load_reward_model,
    parameter_count,
    written_whole,
)
from modeling.checkpoints import digest as checkpoint_digest
from modeling.refusal_ngrams import NgramClassifier, NgramShape, features_of
from modeling.scoring import score

NGRAMS = "hashed-ngrams"
WEIGHTS = "model.safetensors"


@dataclass(frozen=True)
class RefusalClassifier:
    """Says of answers whether they refuse."""

    model: NgramClassifier | RewardModel
    """N-grams of the answer, or a language model with a scalar head that reads the prompt too."""

    @torch.inference_mode()
    def logits(self, exchanges: Sequence[tuple[str, str]]) -> list[float]:
        """The logit of each (prompt, response) being a refusal: above 0 it is called one. Raises ChatError."""
        if isinstance(self.model, NgramClassifier):
            if not exchanges:
                return []
            found: list[float] = self.model(
                [features_of(response, self.model.shape) for _, response in exchanges]
            ).tolist()
            return found
        return score(self.model, [([Message(role="user", content=prompt)], response) for prompt, response in exchanges])


def save_ngrams(model: NgramClassifier, folder: Path) -> None:
    """Writes the classifier, whole or not at all."""
    with written_whole(folder) as partial:
        weights = {name: tensor.detach().contiguous() for name, tensor in model.state_dict().items()}
        save_file(weights, partial / WEIGHTS)
        config = {"model_type": NGRAMS, **model.settings()}
        (partial / "config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")


def load_classifier(folder: Path) -> RefusalClassifier:
    """Raises CheckpointError."""
    config = _config(folder)
    if config.get("model_type") != NGRAMS:
        return RefusalClassifier(load_reward_model(folder))
    try:
        model = NgramClassifier(NgramShape(**{name: config[name] for name in ("buckets", "order", "opening")}))
        model.load_state_dict(load_file(folder / WEIGHTS))
    except Exception as error:  # whatever a damaged file makes of itself
        raise CheckpointError(
            f"{folder} holds no refusal classifier that can be read: {error}; train it again"
        ) from error
    return RefusalClassifier(model.eval())


def digest_of(folder: Path) -> str:
    """SHA-256 of the classifier's files."""
    if _config(folder).get("model_type") != NGRAMS:
        return checkpoint_digest(folder)
    total = hashlib.sha256()
    for name in ("config.json", WEIGHTS):
        if not (folder / name).is_file():
            raise CheckpointError(f"{folder} is incomplete: {name} is missing; train it again")
        total.update(f"{name}\0{file_digest(folder / name)}\n".encode())
    return total.hexdigest()


def parameters_of(folder: Path) -> int:
    if _config(folder).get("model_type") != NGRAMS:
        return parameter_count(folder)
    return sum(tensor.numel() for tensor in load_file(folder / WEIGHTS).values())


def _config(folder: Path) -> dict[str, Any]:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{folder} holds no classifier: config.json can't be read ({error})") from error
    return config if isinstance(config, dict) else {}
