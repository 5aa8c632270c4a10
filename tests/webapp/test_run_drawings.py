"""The drawings of a run's closing figures: lines where the report holds them, nothing where it does not."""

import re

from webapp.dashboards.drawings import drawings_of, kept_svg, scores_svg


def curve(*shares: float) -> list[dict[str, float]]:
    return [
        {"turn": turn, "n": 8, "share": share, "low": share / 2, "high": (1 + share) / 2, "beyond_context": 0}
        for turn, share in enumerate(shares, start=1)
    ]


def polylines(svg: str) -> list[str]:
    return re.findall(r'<polyline class="[^"]*" points="([^"]*)"', svg)


def test_an_instruction_kept_by_turn_is_drawn_before_and_after() -> None:
    svg = kept_svg({"kept_by_turn": {"before": curve(0.5, 0.0), "after": curve(1.0, 0.75)}})
    # two turns over 480 units; shares from 0 at 200 up to 1 at 0
    assert polylines(svg) == ["0.0,100.0 480.0,200.0", "0.0,0.0 480.0,50.0"]
    assert "before: 50 % at turn 1, 0 % at turn 2." in svg
    assert "after: 100 % at turn 1, 75 % at turn 2." in svg
    assert svg.count("<polygon") == 2  # the intervals


def test_a_single_turn_is_drawn_too() -> None:
    assert polylines(kept_svg({"kept_by_turn": {"before": curve(0.5), "after": curve(1.0)}})) == [
        "0.0,100.0",
        "0.0,0.0",
    ]


def test_the_spread_of_scores_is_drawn_in_steps() -> None:
    counts = {"plain": [9, 9], "held_out_before": [3, 1], "held_out_after": [0, 4]}
    svg = scores_svg({"distribution": {"edges": [0.0, 0.5, 1.0], "counts": counts}})
    # shares of 0.75 and 0.25 before, 0 and 1 after, on axes that both go from 0 to 1
    assert polylines(svg) == [
        "0.0,50.0 240.0,50.0 240.0,150.0 480.0,150.0",
        "0.0,200.0 240.0,200.0 240.0,0.0 480.0,0.0",
    ]


def test_labels_that_would_cover_each_other_are_moved_apart() -> None:
    svg = kept_svg({"kept_by_turn": {"before": curve(0.5, 0.5), "after": curve(0.5, 0.5)}})
    first, second = (float(y) for y in re.findall(r'<text x="492" y="([\d.]+)"', svg))
    assert abs(first - second) == 15


def test_what_a_report_does_not_hold_is_not_drawn() -> None:
    assert drawings_of({}) == []
    assert drawings_of({"kept_by_turn": {"before": [], "after": []}, "figure_7": None, "figure_8": []}) == []
    nothing = {"edges": [0.0, 1.0], "counts": {"plain": [5], "held_out_before": [0], "held_out_after": [0]}}
    assert drawings_of({"distribution": nothing}) == []
