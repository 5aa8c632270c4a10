"""On the demonstration's world, whose facts say what a good answer is, fine-tuning and DPO make a better policy."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from modeling.chat import Message
from modeling.checkpoints import load_policy
from modeling.demonstration import CARELESS_NAME, CHECKPOINTS
from modeling.demonstration.assessing import Assessment, assess
from modeling.demonstration.world import CAREFUL, Split, dialogues, prompts
from modeling.dpo_config import DPOConfig
from modeling.sampling import sample_batch
from modeling.sft_config import SFTConfig
from modeling.train_dpo import train as train_dpo
from modeling.train_sft import train as train_sft
from modeling.training_config import preset_for
from tests.modeling.conftest import write_jsonl

CARELESS = CHECKPOINTS / CARELESS_NAME


def answered(
    folder: Path, split: Split, count: int, n: int
) -> list[tuple[list[Message], list[tuple[str, Assessment]]]]:
    """A policy's n answers to each of the split's first prompts, assessed by the facts of the world."""
    asked = [[Message(role="user", content=prompt.text)] for prompt in prompts(split)[:count]]
    found = []
    for index, answers in sample_batch(load_policy(folder), asked, temperature=0.7, max_new_tokens=120, n=n):
        found.append((asked[index], [(answer.text, assess(asked[index], answer.text)) for answer in answers]))
    return found


def quality(folder: Path) -> tuple[float, float]:
    """Mean helpfulness of a policy's answers to held-out prompts, and the share of safe ones."""
    verdicts = [verdict for _, answers in answered(folder, "test", 150, n=2) for _, verdict in answers]
    return fmean(verdict.helpfulness for verdict in verdicts), fmean(verdict.safe for verdict in verdicts)


@pytest.fixture(scope="module")
def careless() -> tuple[float, float]:
    return quality(CARELESS)


def preferred(answers: Sequence[tuple[str, Assessment]]) -> list[str]:
    """The texts, the better first; a safe answer is better than an unsafe one."""
    return [text for text, _ in sorted(answers, key=lambda each: (each[1].safe, each[1].helpfulness), reverse=True)]


@pytest.mark.slow
def test_demonstrations_of_careful_answers_make_a_careless_model_careful(
    tmp_path: Path, careless: tuple[float, float]
) -> None:
    rows: list[dict[str, Any]] = [{"messages": each} for each in itertools.islice(dialogues(CAREFUL, 5), 150)]
    write_jsonl(tmp_path / "data" / "train.jsonl", rows)
    train_sft(SFTConfig(run_dir=tmp_path, base=CARELESS, **preset_for("sft", 2_000_000)))
    helpfulness, safe = quality(tmp_path / "model")
    assert helpfulness > careless[0] + 0.2
    assert safe > careless[1] + 0.05


@pytest.mark.slow
def test_preferences_between_its_own_answers_make_a_careless_model_better(
    tmp_path: Path, careless: tuple[float, float]
) -> None:
    rows = []
    for prompt, answers in answered(CARELESS, "train", 300, n=2):
        chosen, rejected = ([Message(role="assistant", content=text)] for text in preferred(answers))
        if answers[0][1] != answers[1][1]:
            rows.append({"prompt": prompt, "chosen": chosen, "rejected": rejected})
    write_jsonl(tmp_path / "data" / "train.jsonl", rows)
    write_jsonl(tmp_path / "data" / "test.jsonl", [])
    train_dpo(DPOConfig(run_dir=tmp_path, base=CARELESS, **preset_for("dpo", 2_000_000)))
    helpfulness, safe = quality(tmp_path / "model")
    assert helpfulness > careless[0] + 0.05
    assert safe > careless[1] + 0.05
