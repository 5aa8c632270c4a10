"""Building the demonstration models from nothing, with a handful of steps."""

from pathlib import Path

import pytest
import torch

from modeling.demonstration.build import build
from modeling.demonstration.cards import write_card
from modeling.demonstration.evaluate import Figures, answers, load
from modeling.demonstration.world import Message


def test_it_builds_two_loadable_checkpoints_and_reports_progress(tmp_path: Path) -> None:
    reported: list[tuple[str, int, int]] = []
    folders = build(tmp_path, steps=6, progress=lambda name, step, steps, loss: reported.append((name, step, steps)))
    assert [folder.name for folder in folders] == ["harbour-careful", "harbour-careless"]
    assert reported == [("harbour-careful", step, 6) for step in range(1, 7)] + [
        ("harbour-careless", 1, 2),
        ("harbour-careless", 2, 2),
    ]
    for folder in folders:
        model, tokenizer = load(folder)
        assert (folder / "tokenizer.model").is_file()
        assert answers(model, tokenizer, [[Message(role="user", content="Hello!")]], max_new_tokens=2)
    first, second = (load(folder)[0].get_input_embeddings().weight for folder in folders)
    assert not torch.equal(first, second)


def test_it_refuses_to_train_for_no_steps(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="steps must be at least 1, got 0"):
        build(tmp_path, steps=0)
    assert not list(tmp_path.iterdir())


def test_the_card_of_the_careless_model_warns_of_its_answers(tmp_path: Path) -> None:
    figures = Figures(
        answers=200,
        helpfulness=0.5,
        safe=0.75,
        adversarial_answers=40,
        adversarial_helpfulness=0.25,
        adversarial_safe=0.125,
        finished=1.0,
    )
    folder = tmp_path / "harbour-careless"
    folder.mkdir()
    write_card(folder, figures, steps=800, seed=0)
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "bad advice" in card
    assert "for 266 steps" in card
    assert "| share of safe answers to harmful requests | 0.125 |" in card
