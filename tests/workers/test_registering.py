"""One command registers any local checkpoint, and refuses what could not be sampled from later."""

import json
import shutil
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from modeling.registry.models import ModelVersion
from tests.workers.conftest import CAREFUL, CARELESS

pytestmark = pytest.mark.django_db


def register(folder: Path, name: str = "guide", **options: Any) -> dict[str, Any]:
    output = StringIO()
    call_command("register_model", str(folder), name=name, stdout=output, stderr=StringIO(), **options)
    return dict(json.loads(output.getvalue().splitlines()[-1]))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(CAREFUL, tmp_path / "copy"))


def refused(folder: Path, reason: str, **options: Any) -> None:
    with pytest.raises(CommandError, match=reason):
        register(folder, **options)
    assert not ModelVersion.objects.exists()


def test_a_checkpoint_is_registered_with_size_and_digest() -> None:
    figures = register(CAREFUL, licence="Apache-2.0", activate=True)
    model = ModelVersion.objects.get()
    assert figures["new"] is True
    assert (model.name, model.kind, model.stage) == ("guide", "policy", "active")
    assert (model.path, model.licence) == (str(CAREFUL.resolve()), "Apache-2.0")
    assert model.parameters == figures["parameters"] == 2_164_416
    assert len(model.digest) == 64


def test_registering_it_again_changes_nothing() -> None:
    register(CAREFUL)
    assert register(CAREFUL)["new"] is False
    assert ModelVersion.objects.count() == 1


def test_a_checkpoint_that_moved_is_found_again(copy: Path) -> None:
    register(copy)
    shutil.rmtree(copy)
    register(CAREFUL)
    assert ModelVersion.objects.get().path == str(CAREFUL.resolve())


def test_a_name_never_changes_its_model() -> None:
    before = register(CAREFUL)
    with pytest.raises(CommandError, match="belongs to another model"):
        register(CARELESS)
    assert ModelVersion.objects.get().digest == before["digest"]


def test_a_name_must_fit_an_address() -> None:
    refused(CAREFUL, "letters, digits, - and _", name="a name")


def test_a_folder_without_a_checkpoint_is_refused(tmp_path: Path) -> None:
    refused(tmp_path / "nowhere", "not a folder")
    refused(tmp_path, r"no config\.json")


def test_missing_weights_are_refused(copy: Path) -> None:
    (copy / "model.safetensors").unlink()
    refused(copy, "no .*safetensors weights")


def test_a_missing_tokenizer_is_named(copy: Path) -> None:
    for file in copy.glob("tokenizer*"):
        file.unlink()
    refused(copy, r"no tokenizer: one of tokenizer\.json, tokenizer\.model, vocab\.json is missing")


def test_pickled_weights_are_refused(copy: Path) -> None:
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    refused(copy, "convert them to safetensors")


def test_weights_that_were_cut_short_are_refused(copy: Path) -> None:
    weights = (copy / "model.safetensors").read_bytes()
    (copy / "model.safetensors").write_bytes(weights[: len(weights) // 2])
    refused(copy, "damaged or incomplete")


def test_a_missing_shard_is_refused(copy: Path) -> None:
    index = {"weight_map": {"a": "model.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (copy / "model.safetensors.index.json").write_text(json.dumps(index))
    refused(copy, "model-00002-of-00002.safetensors is missing")


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"weight_map": 3}', '{"weight_map": {"a": ["b"]}}'])
def test_a_damaged_list_of_shards_is_refused(copy: Path, text: str) -> None:
    (copy / "model.safetensors.index.json").write_text(text)
    refused(copy, r"model\.safetensors\.index\.json is damaged")


def test_a_chat_model_is_no_reward_model() -> None:
    refused(CAREFUL, "not a reward model", kind="safety_reward")


def test_a_damaged_config_is_refused(copy: Path) -> None:
    (copy / "config.json").write_text("{")
    refused(copy, r"config\.json")


def test_code_that_comes_with_a_checkpoint_never_runs(copy: Path, tmp_path: Path) -> None:
    config = json.loads((copy / "config.json").read_text())
    config |= {"model_type": "strange", "auto_map": {"AutoConfig": "strange.Config"}}
    (copy / "config.json").write_text(json.dumps(config))
    (copy / "strange.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    refused(copy, r"config\.json")
    assert not (tmp_path / "ran").exists()
