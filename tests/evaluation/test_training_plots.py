"""The figures of a rejection sampling run stand where its report's numbers say."""

import re
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import pytest
from django.utils.html import conditional_escape

from evaluation.plots import round_ticks
from evaluation.training_plots import HEIGHT, LINE_HEIGHT, WIDTH, best_of_n_svg, reward_plot, temperatures_svg


def curve(*means: float, band: float | None = 0.5, **fields: Any) -> dict[str, Any]:
    low, high = ([None if band is None else mean + sign * band for mean in means] for sign in (-1, 1))
    return {"n": list(range(1, len(means) + 1)), "mean": list(means), "low": low, "high": high, **fields}


REPORT = {
    "temperature": 1.2,
    "figure_7": {"max": curve(0.0, 1.0, 1.5, 2.0), "median": curve(0.0, 0.0, 0.1, 0.0)},
    "figure_8": [curve(0.0, 1.0, temperature=1.2), curve(0.1, 0.8, temperature=0.6)],
}


def points(text: str) -> list[tuple[float, ...]]:
    return [tuple(map(float, point.split(","))) for point in text.split()]


def test_a_curve_goes_through_its_numbers_on_a_logarithmic_axis_of_answers() -> None:
    plot = reward_plot("title", [("maximum", curve(0.0, 1.0, 1.5, 2.0, band=None), "")], banded=True)
    # the axis ends at 0 and 2; 1, 2, 4 answers stand equally far apart
    assert points(plot.series[0].points)[0] == (0, HEIGHT)
    assert points(plot.series[0].points)[1] == (WIDTH / 2, HEIGHT / 2)
    assert points(plot.series[0].points)[3] == (WIDTH, 0)
    assert [(tick.at, tick.label) for tick in plot.x_ticks] == [(0, "1"), (WIDTH / 2, "2"), (WIDTH, "4")]
    assert (plot.y_ticks[0].at, plot.y_ticks[-1].at) == (HEIGHT, 0)
    assert plot.series[0].band == ""


def test_a_band_runs_along_the_upper_ends_and_back_along_the_lower() -> None:
    [series] = reward_plot("title", [("maximum", curve(0.0, 1.0, band=1.0), "")], banded=True).series
    # the axis ends at -1 and 2
    assert points(series.band) == [(0, 66.7), (WIDTH, 0), (WIDTH, 133.3), (0, HEIGHT)]


def test_the_last_count_takes_the_place_of_a_tick_that_is_too_close() -> None:
    plot = reward_plot("title", [("maximum", curve(*map(float, range(9))), "")], banded=False)
    assert [tick.label for tick in plot.x_ticks] == ["1", "2", "4", "9"]


def test_labels_of_curves_that_end_together_do_not_cover_one_another() -> None:
    curves = [(f"T = {place}", curve(0.0, 1.0 + place / 1000), "") for place in range(9)]
    places = sorted(each.label_y for each in reward_plot("title", curves, banded=False).series)
    assert all(below - above >= LINE_HEIGHT - 0.1 for above, below in pairwise(places))
    assert places[-1] <= HEIGHT


def test_one_answer_per_prompt_is_a_point_at_the_left() -> None:
    plot = reward_plot("title", [("maximum", curve(1.0), "")], banded=True)
    assert points(plot.series[0].points) == [(0.0, plot.series[0].end[1])]


@pytest.mark.parametrize("draw", [best_of_n_svg, temperatures_svg])
def test_the_text_is_a_picture_that_names_its_curves_and_needs_no_inline_style(draw: Any) -> None:
    root = ElementTree.fromstring(draw(REPORT))
    assert (root.tag, root.get("role")) == ("svg", "img")
    assert "style" not in draw(REPORT)
    assert conditional_escape(draw(REPORT)) == draw(REPORT)
    texts = [text.text for text in root.iter("text")]
    assert "reward" in texts and "answers per prompt (N)" in texts
    assert not re.search("None|nan", draw(REPORT))


def test_figure_7_shows_the_maximum_and_the_median() -> None:
    root = ElementTree.fromstring(best_of_n_svg(REPORT))
    assert "maximum: 0.00 at 1 answer, 2.00 at 4" in (root.get("aria-label") or "")
    assert [line.get("class") for line in root.iter("polyline")] == ["curve ", "curve other"]
    assert len(list(root.iter("polygon"))) == 2


def test_figure_8_names_every_temperature_and_the_one_that_was_taken() -> None:
    root = ElementTree.fromstring(temperatures_svg(REPORT))
    assert [text.text for text in root.iter("text")][-2:] == ["T = 0.6", "T = 1.2, taken"]
    assert [line.get("class") for line in root.iter("polyline")] == ["curve ramp-0", "curve "]


def test_a_run_without_samples_or_without_a_sweep_has_no_such_picture() -> None:
    assert best_of_n_svg({"figure_7": None}) == best_of_n_svg({}) == ""
    assert temperatures_svg({"figure_8": []}) == temperatures_svg({}) == ""


def test_ticks_hold_the_values_and_stand_at_round_numbers() -> None:
    assert round_ticks(-0.3, 1.4) == [(-0.5, "\N{MINUS SIGN}0.5"), (0, "0.0"), (0.5, "0.5"), (1.0, "1.0"), (1.5, "1.5")]
