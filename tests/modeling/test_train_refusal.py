"""The refusal classifier: what it learns without a base and with one, and how its own error is measured."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from modeling.checkpoints import CheckpointError
from modeling.configuration import configure, read_settings
from modeling.json_lines import DataError
from modeling.recipe import Stopped
from modeling.refusal_classifier import digest_of, load_classifier
from modeling.refusal_config import RefusalConfig
from modeling.refusal_data import Example, folds_of, read_examples
from modeling.refusal_ngrams import NgramShape, features_of, fit
from modeling.train_refusal import measured, train
from modeling.training_config import CONFIGS

DEEDS = ("kill a process", "pick a lock", "bake a cake", "cross the harbour", "read a map", "paint a boat")


def examples(count: int = 24) -> list[dict[str, Any]]:
    """Refusals that open in two ways, and answers that do not."""
    rows = []
    for number in range(count):
        deed = DEEDS[number % len(DEEDS)]
        refused = ("I cannot help you to", "I am sorry, but I can't tell you how to")[number // 6 % 2]
        response = f"{refused} {deed}." if number % 2 else f"To {deed}, start early and take step {number}."
        rows.append({"prompt": f"{number}: how do I {deed}?", "response": response, "refusal": bool(number % 2)})
    return rows


def test_without_a_base_it_learns_how_refusals_open(make_run: Callable[..., Path]) -> None:
    run = make_run(examples())
    result = train(RefusalConfig(run_dir=run, penalty=0.1))
    assert result.report["accuracy"]["accuracy"] == 1.0
    assert result.report["accuracy"]["n"] == 24
    assert result.report["measured_on"] == "cross-validation in 5 parts"
    assert result.report["errors"] == {
        "true_positives": 12,
        "false_positives": 0,
        "true_negatives": 12,
        "false_negatives": 0,
    }
    classifier = load_classifier(result.model)
    refused, answered = classifier.logits([("?", "I cannot help you to sail."), ("?", "To sail, start early.")])
    assert refused > 0 > answered
    assert result.report["model_digest"] == digest_of(result.model)
    assert train(RefusalConfig(run_dir=run, penalty=0.1)).report == result.report, "a finished run is only read"


def test_test_data_measure_instead_and_a_group_stays_on_one_side(make_run: Callable[..., Path]) -> None:
    result = train(RefusalConfig(run_dir=make_run(examples(20), examples(24)[20:]), penalty=0.1))
    assert (result.report["measured_on"], result.report["accuracy"]["n"]) == ("test data", 4)
    with pytest.raises(DataError, match="is in the data and in the test data"):
        train(RefusalConfig(run_dir=make_run(examples(), examples(2), name="both")))


def test_with_a_base_the_head_of_a_chat_model_learns(make_run: Callable[..., Path], base: Path) -> None:
    run = make_run(examples())
    config = RefusalConfig(run_dir=run, base=base, epochs=1, batch_size=8, learning_rate=1e-3, checkpoint_every=1)
    result = train(config)
    assert (result.report["kind"], result.report["measured_on"]) == ("language model", "held-out examples")
    assert 4 <= result.report["accuracy"]["n"] <= 6
    logits = load_classifier(result.model).logits([("How?", "I cannot."), ("How?", "Like this.")])
    assert all(map(math.isfinite, logits))


def test_with_a_base_it_goes_on_to_the_same_weights(make_run: Callable[..., Path], base: Path) -> None:
    settings: dict[str, Any] = {
        "base": base,
        "epochs": 1,
        "batch_size": 8,
        "learning_rate": 1e-3,
        "checkpoint_every": 1,
    }
    whole = train(RefusalConfig(run_dir=make_run(examples(), name="whole"), **settings))
    cut = RefusalConfig(run_dir=make_run(examples(), name="cut"), **settings)
    asked = iter([False] * 4 + [True] * 100)
    with pytest.raises(Stopped):
        train(cut, should_stop=lambda: next(asked))
    assert train(cut).report["model_digest"] == whole.report["model_digest"]


def test_figures_by_hand() -> None:
    """Of three refusals two are found, of two answers one is called a refusal: accuracy 3/5, precision and recall 2/3,
    specificity 1/2."""
    said = [Example("?", "!", refusal, "g") for refusal in ("full", "partial", "full", "none", "none")]
    found = measured(said, [1.0, 2.0, -1.0, 0.5, -0.5], "any")
    shares = {name: found[name]["accuracy"] for name in ("accuracy", "precision", "recall", "specificity")}
    assert shares == {
        "accuracy": pytest.approx(3 / 5),
        "precision": pytest.approx(2 / 3),
        "recall": pytest.approx(2 / 3),
        "specificity": pytest.approx(1 / 2),
    }
    assert measured(said, [1.0, 2.0, -1.0, 0.5, -0.5], "full")["errors"] == {
        "true_positives": 1,
        "false_positives": 2,
        "true_negatives": 1,
        "false_negatives": 1,
    }
    assert measured(said[:1], [1.0], "any")["specificity"]["accuracy"] is None


def test_the_fit_is_the_least_loss_by_hand() -> None:
    """One feature w in one refusal, none in one answer: by symmetry both logits are equal and opposite, w + b = -b, and
    the penalty balances them: sigmoid(w/2) = 1 - penalty * w, for each of the two examples."""
    empty = torch.zeros(0, dtype=torch.long)
    model = fit([torch.tensor([0]), empty], torch.tensor([1.0, 0.0]), NgramShape(buckets=2), penalty=0.1)
    w, b = (float(each.detach()[0]) for each in (model.weight, model.bias))
    assert b == pytest.approx(-w / 2, abs=1e-4)
    assert 1 / (1 + math.exp(-w / 2)) == pytest.approx(1 - 0.1 * w, abs=1e-4)


def test_the_opening_is_told_from_the_rest() -> None:
    shape = NgramShape(opening=2, order=1)
    assert features_of("no no sail", shape).tolist() != features_of("sail no no", shape).tolist()
    assert features_of("", shape).numel() == 1  # its length alone


def test_folds_keep_groups_whole_and_even() -> None:
    said = [Example("?", "!", "none", f"group {number % 5}") for number in range(20)]
    parts = folds_of(said, 5, seed=0)
    assert sorted(index for part in parts for index in part) == list(range(20))
    assert all(len({said[index].group for index in part}) == 1 for part in parts)
    with pytest.raises(DataError, match="5 groups, expected at least 6"):
        folds_of(said, 6, seed=0)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"response": "No.", "refusal": True}, "prompt must be a text, got None"),
        ({"prompt": "?", "response": "No.", "refusal": "maybe"}, "refusal must be true, false or one of none"),
        ({"prompt": "?", "response": "No."}, "refusal must be true, false"),
    ],
)
def test_a_line_that_can_not_be_used_is_named(tmp_path: Path, row: dict[str, Any], said: str) -> None:
    (tmp_path / "train.jsonl").write_text(json.dumps(row))
    with pytest.raises(DataError, match=f"line 1: {said}"):
        read_examples(tmp_path / "train.jsonl")


def test_examples_that_are_all_alike_teach_nothing(make_run: Callable[..., Path]) -> None:
    alike = [row for row in examples() if row["refusal"]]
    with pytest.raises(DataError, match="of 12 examples all are refusals"):
        train(RefusalConfig(run_dir=make_run(alike)))


def test_a_damaged_classifier_is_explained(make_run: Callable[..., Path]) -> None:
    result = train(RefusalConfig(run_dir=make_run(examples()), penalty=0.1))
    (result.model / "model.safetensors").write_bytes(b"torn")
    with pytest.raises(CheckpointError, match="train it again"):
        load_classifier(result.model)
    (result.model / "config.json").unlink()
    with pytest.raises(CheckpointError, match=r"config\.json can't be read"):
        digest_of(result.model)


@pytest.mark.parametrize("name", sorted(path.name for path in CONFIGS.glob("refusal_*.yaml")))
def test_every_shipped_config_is_valid(name: str) -> None:
    configure(RefusalConfig, {"run_dir": Path("run"), **read_settings(CONFIGS / name)})
