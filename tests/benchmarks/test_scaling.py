"""The cost table: its rows, its count of operations, a row of each work at a tiny shape, and a GPU that isn't there."""

from types import SimpleNamespace

import pytest
import torch

from benchmarks.scaling import flops, main, points

CONFIG = SimpleNamespace(vocab_size=10, hidden_size=4, num_hidden_layers=2)


def test_one_dimension_is_varied_at_a_time_around_the_middle() -> None:
    rows = points({"sft": {"length": [1, 2, 3], "batch": [4, 8]}})

    assert [(row["length"], row["batch"]) for row in rows] == [(1, 8), (2, 8), (3, 8), (2, 4)]


def test_the_operations_of_a_training_step_are_three_times_those_of_its_forward() -> None:
    # 3 tokens x 2 x 100 weights, 2 of them scored by the head of 40, attention 4 x 2 x 4 x (1 + 2 + 3) tokens seen
    assert flops(CONFIG, 100, "sft", length=3, answers=2, batch=5, new_tokens=0) == 3 * 5 * (600 + 160 + 32 * 6)


def test_the_common_prompt_of_a_pair_is_counted_once() -> None:
    # prompt of 4 tokens, answers of 2: seen are 1 + 2 + 3 + 4, and by each answer 5 + 6
    assert flops(CONFIG, 100, "reward", length=8, answers=2, batch=1, new_tokens=0) == 3 * (8 * 200 + 32 * (10 + 22))


def test_the_prompt_of_many_answers_is_counted_once_and_their_last_token_is_not_read() -> None:
    prefill = 2 * 200 + 80 + 32 * 3
    decoded = 2 * (200 + 80) + 32 * (3 + 4)  # the first two of three tokens, after a prompt of two
    assert flops(CONFIG, 100, "sampling", length=2, answers=7, batch=1, new_tokens=3) == prefill + 7 * decoded


@pytest.mark.parametrize("work", ["sampling", "sft", "reward"])
def test_a_row_is_measured_at_a_tiny_shape(work: str, capsys: pytest.CaptureFixture[str]) -> None:
    threads = torch.get_num_threads()
    try:
        main(["--shape", "tiny", "--work", work, "--length", "8", "--batch", "2", "--steps", "1", "--new-tokens", "3"])
    finally:
        torch.set_num_threads(threads)

    assert '"utilisation"' in capsys.readouterr().out


def test_without_a_gpu_cuda_is_refused_with_what_to_do(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit):
        main(["--shape", "llama-2-7b", "--device", "cuda"])

    assert "PyTorch finds no CUDA device here; run it on a machine with one" in capsys.readouterr().err
