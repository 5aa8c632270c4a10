from pathlib import Path

import pytest

from modeling.metrics import accuracy, accuracy_by, append_metrics, keep_metrics, mean_of


def test_the_interval_of_an_accuracy_is_wilsons() -> None:
    # 8 of 10, z = 1.96: centre (0.8 + 0.19207) / 1.38415 = 0.71674,
    # half 1.96 / 1.38415 * sqrt(0.016 + 0.0096036) = 0.22658
    figures = accuracy([True] * 8 + [False] * 2)
    assert (figures.n, figures.accuracy) == (10, 0.8)
    assert figures.low == pytest.approx(0.71674 - 0.22658, abs=2e-4)
    assert figures.high == pytest.approx(0.71674 + 0.22658, abs=2e-4)


def test_the_interval_stays_within_zero_and_one() -> None:
    # all of 5 right: the lower end is n / (n + z^2) = 5 / 8.8415 = 0.56552
    figures = accuracy([True] * 5)
    assert figures.high == 1.0
    assert figures.low == pytest.approx(0.56552, abs=1e-4)


def test_an_accuracy_of_nothing_is_unknown() -> None:
    assert accuracy([]) == (0, None, None, None)


def test_a_mean_has_its_normal_interval() -> None:
    # s of 1, 2, 3, 6 is sqrt(14 / 3) = 2.1602; half the interval 1.95996 * 2.1602 / 2 = 2.1170
    assert mean_of([1.0, 2.0, 3.0, 6.0]) == pytest.approx((4, 3.0, 0.8830, 5.1170), abs=1e-4)
    assert mean_of([2.0]) == (1, 2.0, None, None)
    assert mean_of([]) == (0, None, None, None)


def test_accuracy_is_counted_within_each_bucket() -> None:
    buckets = accuracy_by(["better", "slightly", "better"], [True, False, False])
    assert {name: (figures["n"], figures["accuracy"]) for name, figures in buckets.items()} == {
        "better": (2, 0.5),
        "slightly": (1, 0.0),
    }


def test_lines_after_the_last_step_and_torn_lines_are_dropped(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    for step in (1, 2, 3):
        append_metrics(path, {"step": step, "loss": 0.5})
    with path.open("a") as stream:
        stream.write('{"step": 4, "lo')
    keep_metrics(path, last_step=2)
    assert path.read_text().splitlines() == ['{"step": 1, "loss": 0.5}', '{"step": 2, "loss": 0.5}']
