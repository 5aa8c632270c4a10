"""What is held out of a run's prompts."""

from pathlib import Path

import pytest

from modeling.demonstration.world import HELD_OUT_SHARE, is_held_out
from modeling.json_lines import DataError
from modeling.splitting import trained_and_held_out


def read(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").split()


def write(data: Path, **files: list[str]) -> None:
    for name, words in files.items():
        (data / f"{name}.jsonl").write_text(" ".join(words), encoding="utf-8")


def test_a_share_of_the_prompts_is_held_out_by_their_text_alone(tmp_path: Path) -> None:
    words = [f"word-{number}" for number in range(1000)]
    write(tmp_path, prompts=words)
    trained, held_out = trained_and_held_out(tmp_path, read, str.lower, 0.2)
    assert sorted(trained + held_out) == sorted(words)
    assert abs(len(held_out) - 200) < 50  # 4 standard deviations

    write(tmp_path, prompts=[word.upper() for word in reversed(words[:500])])
    fewer, fewer_held_out = trained_and_held_out(tmp_path, read, str.lower, 0.2)
    assert {word.lower() for word in fewer} == set(words[:500]) & set(trained)
    assert {word.lower() for word in fewer_held_out} == set(words[:500]) & set(held_out)


def test_prompts_that_the_demonstration_trains_on_are_not_all_on_one_side(tmp_path: Path) -> None:
    words = [word for number in range(1000) if not is_held_out(word := f"word-{number}")]
    write(tmp_path, prompts=words)
    _, held_out = trained_and_held_out(tmp_path, read, str, HELD_OUT_SHARE)
    assert abs(len(held_out) - HELD_OUT_SHARE * len(words)) < 38  # 4 standard deviations


def test_a_file_of_held_out_prompts_takes_the_place_of_the_share(tmp_path: Path) -> None:
    write(tmp_path, prompts=["a", "b"], held_out=["c"])
    assert trained_and_held_out(tmp_path, read, str, 0.5) == (["a", "b"], ["c"])


def test_a_prompt_on_both_sides_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, prompts=["a", "b"], held_out=["c", "B"])
    with pytest.raises(DataError, match=r"held_out\.jsonl: 'b' is also trained on, in prompts\.jsonl"):
        trained_and_held_out(tmp_path, read, str.lower, 0.5)


def test_each_side_needs_a_prompt(tmp_path: Path) -> None:
    write(tmp_path, prompts=["a"])  # its hash is 0.29
    with pytest.raises(DataError, match=r"none of the 1 prompts is left to evaluate with a held_out_share of 0\.1"):
        trained_and_held_out(tmp_path, read, str, 0.1)
    with pytest.raises(DataError, match=r"is left to train on with a held_out_share of 0\.9"):
        trained_and_held_out(tmp_path, read, str, 0.9)
