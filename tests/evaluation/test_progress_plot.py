"""The progress figure: where each version stands, how far its intervals reach, and that it is a picture of its own."""

import re
from typing import Any
from xml.etree import ElementTree

import pytest

from evaluation.progress_plot import LEFT, SIDE, TOP, progress_figure, progress_svg

SVG = "{http://www.w3.org/2000/svg}"


def rate(value: float, low: float | None = None, high: float | None = None) -> dict[str, Any]:
    return {"value": value, "low": low, "high": high}


def version(number: int, helpfulness: dict[str, Any], safety: dict[str, Any], *, gold: bool = True) -> dict[str, Any]:
    judged = {"helpfulness": helpfulness, "safety": safety}
    return {"number": number, "model": f"guide-v{number}", "reward": judged} | ({"gold": judged} if gold else {})


HISTORY = {
    "versions": [
        version(0, rate(0.5), rate(0.5)),
        version(1, rate(0.75, 0.7, 0.8), rate(0.25, 0.1, 0.4)),
    ]
}


def test_a_version_stands_at_its_win_rates_helpfulness_to_the_right_and_safety_upwards() -> None:
    """The axes begin at 0.1, the tenth at the lowest end of an interval: 0.5 is at 4/9 of the way to 1."""
    [gold, _] = progress_figure(HISTORY).panels
    base, first = gold.marks
    assert (base.x, base.y) == pytest.approx((LEFT + SIDE * 4 / 9, TOP + SIDE * 5 / 9))
    assert (first.x, first.y) == pytest.approx((LEFT + SIDE * 0.65 / 0.9, TOP + SIDE * 0.75 / 0.9))


def test_intervals_reach_along_both_axes() -> None:
    first = progress_figure(HISTORY).panels[0].marks[1]
    assert (first.left, first.right) == pytest.approx((LEFT + SIDE * 0.6 / 0.9, LEFT + SIDE * 0.7 / 0.9))
    assert (first.top, first.bottom) == pytest.approx((TOP + SIDE * 0.6 / 0.9, TOP + SIDE))


def test_the_axes_leave_out_what_is_below_every_version_but_never_an_even_chance() -> None:
    high = {"versions": [version(0, rate(0.9, 0.87, 0.93), rate(0.95, 0.9, 1.0))]}
    labels = [line.label for line in progress_figure(high).panels[0].columns]
    assert labels == ["40 %", "50 %", "60 %", "70 %", "80 %", "90 %", "100 %"]
    [even] = [line for line in progress_figure(high).panels[0].rows if line.is_even]
    assert even.label == "50 %"


@pytest.mark.parametrize(
    ("low", "labels"), [(0.12, ["10 %", "30 %", "50 %", "70 %", "90 %"]), (0.22, ["30 %", "50 %", "70 %", "90 %"])]
)
def test_a_long_axis_has_every_second_label_and_an_even_chance_among_them(low: float, labels: list[str]) -> None:
    wide = {"versions": [version(0, rate(0.5, low, 0.9), rate(0.5))]}
    assert [line.label for line in progress_figure(wide).panels[0].columns] == labels


def test_a_figure_without_an_interval_is_a_dot_alone() -> None:
    base = progress_figure(HISTORY).panels[0].marks[0]
    assert (base.left, base.right, base.top, base.bottom) == (base.x, base.x, base.y, base.y)


def test_without_a_gold_preference_the_reward_models_judge_alone() -> None:
    history = {"versions": [version(0, rate(0.5), rate(0.5), gold=False)]}
    assert [panel.title for panel in progress_figure(history).panels] == ["Judge: the newest reward models"]
    assert len(progress_figure(HISTORY).panels) == 2


def test_the_picture_is_sound_xml_that_says_its_figures_in_words() -> None:
    root = ElementTree.fromstring(progress_svg(HISTORY))
    assert root.tag == f"{SVG}svg"
    said = [title.text for title in root.iter(f"{SVG}title")]
    assert said[1] == (
        "V1: win rate over V0 75.0 % (95 % interval 70.0 % to 80.0 %) on helpfulness, 25.0 % (95 % interval 10.0 % to "
        "40.0 %) on safety"
    )
    labels = [text.text for text in root.iter(f"{SVG}text")]
    assert labels.count("V1") == 2, "once for each judge"


def test_the_picture_needs_no_style_and_no_script() -> None:
    """The site's content security policy allows neither inline."""
    text = progress_svg(HISTORY)
    assert not re.search(r"<(style|script)|style=|on\w+=", text)


def test_every_mark_lies_within_the_picture() -> None:
    history = {"versions": [version(0, rate(0.0, 0.0, 0.1), rate(1.0, 0.9, 1.0))]}
    plot = progress_figure(history)
    for panel in plot.panels:
        for mark in panel.marks:
            assert 0 <= mark.left <= mark.right <= plot.width
            assert 0 <= mark.top <= mark.bottom <= plot.height


def test_before_the_first_evaluation_there_is_nothing_to_draw() -> None:
    assert progress_figure({"versions": []}).panels == ()
    ElementTree.fromstring(progress_svg({"versions": []}))
