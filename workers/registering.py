"""Registering models: a folder or an endpoint is looked at once, thoroughly, so that its use meets no surprise."""

import json
from pathlib import Path

from django.core.exceptions import ValidationError
from django.db import transaction
from transformers import PreTrainedTokenizerBase

from modeling.chat import ChatError, Message, encode_prompt
from modeling.chat_completions import answer
from modeling.checkpoints import CheckpointError, digest, load_tokenizer, parameter_count
from modeling.endpoints import Endpoint
from modeling.registry.models import ModelVersion
from modeling.sampling import Request, SamplingError
from workers.starting import check_name

VOCABULARIES = ("tokenizer.json", "tokenizer.model", "vocab.json")
"""Files that hold a tokenizer's vocabulary, by its kind."""


_SMALLEST_REQUEST = Request([Message(role="user", content="Hello")], max_new_tokens=1)


class RegistrationError(ValueError):
    """A model that can't be registered; says why and what to do. Nothing was written."""


def register_model(
    path: Path, name: str, kind: str, *, licence: str = "", activate: bool = False, description: str = ""
) -> tuple[ModelVersion, bool]:
    """Register a local checkpoint in Hugging Face format; the row, and whether it is new.

    A name that has the same checkpoint already is left as it is, except that a folder that moved is found again.
    Raises RegistrationError.
    """
    try:
        check_name(name)
    except ValidationError as error:
        raise RegistrationError(error.message) from error
    folder = path.expanduser().resolve()
    try:
        check_checkpoint(folder, kind)
        found, parameters = digest(folder), parameter_count(folder)
    except CheckpointError as error:
        raise RegistrationError(str(error)) from error
    with transaction.atomic():
        model = ModelVersion.objects.filter(name=name).first()
        if model is not None:
            return _known(model, folder, found, kind, activate), False
        stage = ModelVersion.Stage.ACTIVE if activate else ModelVersion.Stage.CANDIDATE
        return ModelVersion.objects.create(
            name=name,
            kind=kind,
            stage=stage,
            path=str(folder),
            digest=found,
            parameters=parameters,
            licence=licence,
            description=description,
        ), True


def register_endpoint(
    base_url: str,
    remote_model: str,
    name: str,
    *,
    key_variable: str = "",
    licence: str = "",
    activate: bool = False,
    description: str = "",
) -> tuple[ModelVersion, bool]:
    """Register a chat model that an OpenAI-compatible server serves; the row, and whether it is new.

    The model is asked for one token first, with the key in the environment variable of that name, which is all that is
    stored of it. A name that has the same endpoint already keeps it, and takes a new key variable. Raises
    RegistrationError.
    """
    try:
        check_name(name)
        answer(Endpoint(base_url, remote_model, key_variable, timeout=30, attempts=2), _SMALLEST_REQUEST)
    except ValidationError as error:
        raise RegistrationError(error.message) from error
    except SamplingError as error:
        raise RegistrationError(str(error)) from error
    where = {"backend": ModelVersion.Backend.ENDPOINT, "base_url": base_url, "remote_model": remote_model}
    with transaction.atomic():
        model = ModelVersion.objects.filter(name=name).first()
        if model is None:
            stage = ModelVersion.Stage.ACTIVE if activate else ModelVersion.Stage.CANDIDATE
            known = {"stage": stage, "licence": licence, "description": description, "key_variable": key_variable}
            return ModelVersion.objects.create(name=name, kind=ModelVersion.Kind.POLICY, **where, **known), True
        if any(getattr(model, field) != value for field, value in where.items()):
            raise RegistrationError(
                f'the name "{name}" belongs to another model; choose a new name: answers point to the old one'
            )
        model.key_variable = key_variable
        if activate:
            model.stage = ModelVersion.Stage.ACTIVE
        model.save(update_fields=["key_variable", "stage"])
        return model, False


def check_checkpoint(folder: Path, kind: str) -> None:
    """Raises CheckpointError where the folder can't be a model of this kind. No weight is loaded."""
    tokenizer = _tokenizer(folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    _check_shards(folder)
    architectures = config.get("architectures") or []
    if kind == ModelVersion.Kind.POLICY and not any(name.endswith("ForCausalLM") for name in architectures):
        raise CheckpointError(
            f"{folder} is not a chat model: config.json names {architectures or 'no architecture'}, expected one that "
            "ends in ForCausalLM"
        )
    if kind != ModelVersion.Kind.POLICY and not any(
        name.endswith("ForSequenceClassification") for name in architectures
    ):
        raise CheckpointError(
            f"{folder} is not a reward model: config.json names {architectures or 'no architecture'}, expected one "
            "that ends in ForSequenceClassification"
        )
    if len(tokenizer) > config.get("vocab_size", len(tokenizer)):
        raise CheckpointError(
            f"{folder}: the tokenizer has {len(tokenizer):,} tokens and the model only {config['vocab_size']:,}; "
            "they do not belong together"
        )
    try:
        encode_prompt(tokenizer, [{"role": "user", "content": "Hello"}])
    except (ChatError, ValueError) as error:
        raise CheckpointError(f"{folder}: its chat template does not take a user's message: {error}") from error


def _tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    try:
        return load_tokenizer(folder)
    except CheckpointError as error:
        if not (folder / "config.json").is_file() or any((folder / name).is_file() for name in VOCABULARIES):
            raise
        raise CheckpointError(
            f"{folder} holds no tokenizer: one of {', '.join(VOCABULARIES)} is missing, with its "
            "tokenizer_config.json; copy them beside config.json"
        ) from error


def _check_shards(folder: Path) -> None:
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        try:
            shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise CheckpointError(f"{index} is damaged: it names no shards ({error!r}); copy it again") from error
        if missing := sorted(shard for shard in shards if not (folder / shard).is_file()):
            raise CheckpointError(f"{folder} is incomplete: {', '.join(missing)} is missing; copy it again")


def _known(model: ModelVersion, folder: Path, found: str, kind: str, activate: bool) -> ModelVersion:
    if model.digest != found:
        raise RegistrationError(
            f'the name "{model.name}" belongs to another model (digest {model.digest[:12] or "none"}, this one '
            f"{found[:12]}); choose a new name: answers and reward models point to the old one"
        )
    if model.kind != kind:
        raise RegistrationError(f'"{model.name}" is registered as {model.get_kind_display()}, not as {kind}')
    if not Path(model.path).is_dir():
        model.path = str(folder)
    if activate:
        model.stage = ModelVersion.Stage.ACTIVE
    model.save(update_fields=["path", "stage"])
    return model
