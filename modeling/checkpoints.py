"""Checkpoints in Hugging Face format: read, made, digested, and written so that a torn one is never loaded.

Weights are read from safetensors alone and from the local disk alone; code that comes with a checkpoint never runs.
"""

import hashlib
import json
import math
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from modeling.chat import LLAMA2_TEMPLATE, padding_id

MANIFEST = "manifest.json"
"""Name and SHA-256 of every file of a folder that was written whole."""

_PARTS = (".safetensors", ".json", ".model", ".jinja", ".txt")
"""Endings of the files that make a checkpoint: weights, configuration, tokenizer, chat template."""


class CheckpointError(ValueError):
    """A folder that isn't a checkpoint this project can load; says why and what to do."""


class Policy(NamedTuple):
    """A chat model and its tokenizer."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase


class RewardModel(NamedTuple):
    """A model with a scalar head and its tokenizer."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase


def best_device() -> torch.device:
    """The GPU where there is one, or the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def load_policy(folder: Path, dtype: torch.dtype = torch.float32, device: torch.device | None = None) -> Policy:
    """The chat model of a checkpoint folder, ready for sampling, on the device or else the best. Raises
    CheckpointError."""
    model = _load(AutoModelForCausalLM, folder, dtype=dtype)
    return Policy(model.to(device or best_device()).eval(), load_tokenizer(folder))


def load_reward_model(folder: Path, dtype: torch.dtype = torch.float32) -> RewardModel:
    """The reward model of a checkpoint folder, ready for scoring on the best device, its head in float32 whatever the
    dtype of the rest (see shared_prefix.end_scores). Raises CheckpointError."""
    if (labels := _config(folder).num_labels) != 1:
        raise CheckpointError(f"{folder} is not a reward model: its head has {labels} outputs, expected 1")
    model, report = _load(AutoModelForSequenceClassification, folder, dtype=dtype, output_loading_info=True)
    if report["missing_keys"]:
        raise CheckpointError(
            f"{folder} is not a reward model: it holds no weights for {sorted(report['missing_keys'])}"
        )
    if not isinstance(head := getattr(model, "score", None), torch.nn.Module):
        raise CheckpointError(f"{folder} cannot be used as a reward model: {type(model).__name__} has no head `score`")
    head.float()
    return RewardModel(model.to(best_device()).eval(), load_tokenizer(folder))


def new_reward_model(base: Path, device: torch.device | None = None) -> RewardModel:
    """A chat checkpoint with its language-model head replaced by a scalar head (paper, section 3.2.2).

    The head starts at zero: every score is 0, the first loss is that of a coin, and no seed is involved. A base that
    already is a reward model keeps its head, so that training can go on from an earlier one. device: the best without.
    """
    tokenizer = load_tokenizer(base)
    model, report = _load(
        AutoModelForSequenceClassification, base, num_labels=1, dtype=torch.float32, output_loading_info=True
    )
    if "score.weight" in report["missing_keys"]:
        torch.nn.init.zeros_(model.score.weight)
    model.config.pad_token_id = padding_id(tokenizer)
    return RewardModel(model.to(device or best_device()), tokenizer)


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """The tokenizer of a checkpoint folder. Raises CheckpointError."""
    _config(folder)
    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise CheckpointError(f"{folder} holds no tokenizer that can be read: {error}") from error


def parameter_count(folder: Path) -> int:
    """Number of weights in a checkpoint, from the files' headers: no weight is read."""
    total = 0
    for file in _weight_files(folder):
        with _opened(file) as tensors:
            total += sum(math.prod(tensors.get_slice(name).get_shape()) for name in tensors.keys())  # noqa: SIM118
    return total


def digest(folder: Path) -> str:
    """SHA-256 over the names and contents of weights, configuration and tokenizer, in the order of the names."""
    _weight_files(folder)
    total = hashlib.sha256()
    for file in sorted(folder.iterdir()):
        if file.is_file() and file.suffix in _PARTS and file.name != MANIFEST:
            total.update(f"{file.name}\0{file_digest(file)}\n".encode())
    return total.hexdigest()


def file_digest(file: Path) -> str:
    """SHA-256 of a file's content."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def save(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    folder: Path,
    weights: dict[str, Tensor] | None = None,
) -> None:
    """Writes a checkpoint that anyone can load with transformers; whole or not at all (see written_whole).

    weights: the model's, where they had to be gathered from several processes first. A tokenizer without a chat
    template is given the one that it was used with, Llama 2's, for whoever loads it elsewhere. Raises OSError.
    """
    if tokenizer.chat_template is None:
        tokenizer.chat_template = LLAMA2_TEMPLATE
    with written_whole(folder) as partial:
        try:
            model.save_pretrained(partial, state_dict=weights)
        except SafetensorError as error:  # what it makes of a full disk
            raise OSError(f"{folder} cannot be written: {error}") from error
        tokenizer.save_pretrained(partial)


def save_tensors(tensors: dict[str, Any], file: Path) -> None:
    """Writes tensors and plain values for torch.load. Raises OSError: torch itself makes a full disk a RuntimeError
    about positions in the file, which says nothing to whom it happens."""
    with file.open("wb") as stream:
        try:
            torch.save(tensors, stream)
        except RuntimeError as error:
            if isinstance(error.__context__, OSError):
                raise error.__context__ from None
            raise


@contextmanager
def written_whole(folder: Path) -> Iterator[Path]:
    """Gives a folder to write to, which takes the name ``folder`` when everything in it has reached the disk.

    A crash, a full disk or a kill in between leaves the earlier folder of that name, if any, and a hidden remnant that
    the next write removes.
    """
    partial = folder.with_name(f".{folder.name}.partial")
    replaced = folder.with_name(f".{folder.name}.replaced")
    for remnant in (partial, replaced):
        shutil.rmtree(remnant, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        files = sorted(file for file in partial.iterdir() if file.is_file())
        manifest = {file.name: file_digest(file) for file in files}
        (partial / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        for path in (*files, partial / MANIFEST, partial):
            _flush(path)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    if folder.exists():
        folder.rename(replaced)
    partial.rename(folder)
    _flush(folder.parent)
    shutil.rmtree(replaced, ignore_errors=True)


def is_whole(folder: Path) -> bool:
    """Whether a folder that written_whole made still holds every byte of it."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return all(file_digest(folder / name) == expected for name, expected in manifest.items())
    except (OSError, ValueError):
        return False


def _load(kind: Any, folder: Path, **options: Any) -> Any:
    for file in _weight_files(folder):
        with _opened(file):
            pass
    try:
        return kind.from_pretrained(
            folder,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            attn_implementation="sdpa",
            **options,
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise CheckpointError(f"{folder} cannot be loaded as {kind.__name__}: {error}") from error


def _config(folder: Path) -> Any:
    if not folder.is_dir():
        raise CheckpointError(f"{folder} is not a folder; expected a checkpoint in Hugging Face format")
    if not (folder / "config.json").is_file():
        raise CheckpointError(f"{folder} is not a checkpoint in Hugging Face format: it holds no config.json")
    try:
        return AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise CheckpointError(f"{folder}/config.json cannot be read: {error}") from error


def _weight_files(folder: Path) -> list[Path]:
    _config(folder)
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        hint = "; its weights are pickled, convert them to safetensors" if list(folder.glob("*.bin")) else ""
        raise CheckpointError(f"{folder} holds no *.safetensors weights{hint}")
    return files


@contextmanager
def _opened(file: Path) -> Iterator[Any]:
    """A weights file, or CheckpointError where it was cut short or isn't one."""
    try:
        tensors = safe_open(file, framework="pt")
    except SafetensorError as error:
        raise CheckpointError(f"{file} is damaged or incomplete ({error}); copy it again") from error
    with tensors as opened:
        yield opened


def _flush(path: Path) -> None:
    """Forces a file's content, or a folder's names, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
