"""What a score says as a probability and as a quality, against values worked out by hand."""

import math
from pathlib import Path

import pytest

from modeling.calibration import RatedAnswer, by_rating, read_ratings, reliability, temperature
from modeling.json_lines import DataError

LOG_3 = math.log(3)  # sigmoid(log 3) = 3/4


def test_a_probability_of_three_quarters_that_holds_in_three_of_four_pairs_is_calibrated() -> None:
    figures = reliability([LOG_3, LOG_3, LOG_3, -LOG_3])
    assert figures["n"] == 4
    (used,) = [each for each in figures["bins"] if each["observed"]["n"]]
    assert (used["from"], used["to"]) == (0.7, pytest.approx(0.8))
    assert used["predicted"] == pytest.approx(0.75)
    assert used["observed"]["accuracy"] == 0.75
    assert figures["expected_calibration_error"] == pytest.approx(0)
    assert figures["temperature"] == pytest.approx(1)
    # -(3 log 3/4 + log 1/4) / 4
    assert figures["log_loss"] == pytest.approx(-(3 * math.log(0.75) + math.log(0.25)) / 4)


def test_the_calibration_error_weighs_each_bins_gap_by_its_pairs() -> None:
    # log 9: probability 0.9, right in 1 of 2, gap 0.4; log 3: probability 0.75, right in 3 of 3, gap 0.25
    figures = reliability([math.log(9), -math.log(9), LOG_3, LOG_3, LOG_3])
    assert figures["expected_calibration_error"] == pytest.approx((2 * 0.4 + 3 * 0.25) / 5)


def test_the_bins_reach_from_a_coin_to_certainty() -> None:
    figures = reliability([0.0, 100.0])
    assert [each["observed"]["n"] for each in figures["bins"]] == [1, 0, 0, 0, 1]
    assert [each["from"] for each in figures["bins"]] == pytest.approx([0.5, 0.6, 0.7, 0.8, 0.9])
    assert figures["bins"][0]["observed"]["accuracy"] == 0  # equal scores decide nothing
    assert figures["bins"][1]["predicted"] is None


def test_differences_that_are_twice_too_large_have_a_temperature_of_two() -> None:
    assert temperature([2 * LOG_3, 2 * LOG_3, 2 * LOG_3, -2 * LOG_3]) == pytest.approx(2)
    assert temperature([LOG_3 / 4] * 3 + [-LOG_3 / 4]) == pytest.approx(1 / 4)


def test_no_temperature_is_best_where_no_pair_is_wrong_or_the_order_says_nothing() -> None:
    assert temperature([]) is None
    assert temperature([1.0, 2.0, 0.0]) is None
    assert temperature([1.0, -1.0]) is None
    assert temperature([1.0, -3.0]) is None


def test_without_pairs_nothing_is_known() -> None:
    figures = reliability([])
    assert (figures["n"], figures["expected_calibration_error"], figures["log_loss"]) == (0, None, None)


def test_the_mean_score_of_each_rating_has_students_interval() -> None:
    figures = by_rating([1.0, 2.0, 3.0, 5.0], [2, 2, 2, 6])
    # mean 2, standard deviation 1, n = 3: half = t(0.975; 2) / sqrt 3 = 4.302653 / 1.732051
    assert figures["by_rating"]["2"] == pytest.approx({"n": 3, "mean": 2, "low": -0.484138, "high": 4.484138}, abs=1e-6)
    assert figures["by_rating"]["6"] == {"n": 1, "mean": 5, "low": None, "high": None}
    assert list(figures["by_rating"]) == ["2", "6"]
    assert (figures["monotone"], figures["falls"]) == (True, [])


def test_a_mean_that_falls_is_named_by_its_neighbouring_ratings() -> None:
    figures = by_rating([0.0, 2.0, 1.0, 3.0, 4.0], [1, 3, 4, 4, 7])
    assert figures["monotone"] is True  # means 0, 2, 2, 4
    figures = by_rating([0.0, 2.0, 1.0, 3.0], [1, 3, 4, 7])
    assert (figures["monotone"], figures["falls"]) == (False, [[3, 4]])


def test_the_rank_correlation_gives_ties_their_middle_rank() -> None:
    # ranks of the scores 1 2 3 4, of the ratings 1.5 1.5 3 4: deviations (-1.5 -.5 .5 1.5) and (-1 -1 .5 1.5);
    # 4.5 / sqrt(5 * 4.5) = 0.948683
    assert by_rating([0.1, 0.2, 0.3, 9.0], [2, 2, 3, 4])["spearman"] == pytest.approx(0.948683, abs=1e-6)
    assert by_rating([1.0, 1.0], [2, 3])["spearman"] is None
    assert by_rating([1.0, 2.0], [3, 3])["spearman"] is None


def test_ratings_are_read_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "ratings.jsonl"
    assert read_ratings(path) == []
    path.write_text('{"messages": [{"role": "user", "content": "hi"}], "answer": "hello", "rating": 7}\n\n')
    assert read_ratings(path) == [RatedAnswer([{"role": "user", "content": "hi"}], "hello", 7)]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "line 1: not valid JSON"),
        ("[]", "line 1: expected an object with messages, answer and rating, got list"),
        ('{"messages": [], "answer": "a"}', "rating"),
        ('{"messages": [{"role": "user", "content": "q"}], "answer": "a", "rating": 8}', "from 1 to 7, got 8"),
        ('{"messages": [{"role": "user", "content": "q"}], "answer": "a", "rating": 2.5}', "from 1 to 7, got 2.5"),
        ('{"messages": [{"role": "user", "content": "q"}], "answer": "a", "rating": true}', "from 1 to 7, got True"),
        ('{"messages": [{"role": "user", "content": "q"}], "answer": null, "rating": 3}', "answer must be text"),
        ('{"messages": [], "answer": "a", "rating": 3}', "must open with a user's message"),
        (
            '{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "b"}], "answer": "a", '
            '"rating": 3}',
            "must end with the user's, got the assistant's",
        ),
    ],
)
def test_a_rating_that_cannot_be_used_is_named_with_its_line(tmp_path: Path, line: str, reason: str) -> None:
    path = tmp_path / "ratings.jsonl"
    path.write_text(line)
    with pytest.raises(DataError, match=reason):
        read_ratings(path)
