import pytest

from modeling.schedule import cosine_with_warmup, warmup_steps


def test_the_rate_rises_in_a_line_and_falls_as_a_cosine_to_its_floor() -> None:
    rates = [cosine_with_warmup(step, steps=8, warmup=2, floor=0.1) for step in range(8)]
    # after the warm-up, 6 steps: 0.1 + 0.9 * (1 + cos(pi * k / 6)) / 2 for k = 1 .. 6
    assert rates[:2] == [0.5, 1.0]
    assert rates[2:] == pytest.approx([0.939711, 0.775, 0.55, 0.325, 0.160289, 0.1], abs=1e-5)


def test_the_warm_up_is_a_share_of_the_steps_but_at_least_five() -> None:
    assert warmup_steps(1000, share=0.03, least=5) == 30
    assert warmup_steps(100, share=0.03, least=5) == 5


def test_the_warm_up_of_a_short_run_leaves_steps_to_train() -> None:
    assert warmup_steps(9, share=0.03, least=5) == 3
    assert warmup_steps(1, share=0.03, least=5) == 1
