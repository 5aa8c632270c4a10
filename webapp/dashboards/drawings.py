"""The drawings of a run's closing figures: reward against N (rejection sampling), an instruction kept by turn (Ghost
Attention), scores before and after (context distillation). What a report does not hold is not drawn."""

from collections.abc import Mapping, Sequence
from typing import Any

from evaluation.plots import round_ticks
from evaluation.training_plots import Tick, best_of_n_svg, temperatures_svg
from evaluation.wording import percent
from webapp.dashboards.diversity_drawing import self_bleu_svgs
from webapp.dashboards.lines import Curve, across, line_plot, upwards
from webapp.dashboards.scaling_drawing import scaling_svg


def drawings_of(report: Mapping[str, Any]) -> list[str]:
    """The SVGs of a report, as texts that are safe to include in a page."""
    found = [best_of_n_svg(report), temperatures_svg(report), kept_svg(report), scores_svg(report)]
    found += [*self_bleu_svgs(report), scaling_svg(report)]
    return [svg for svg in found if svg]


def kept_svg(report: Mapping[str, Any]) -> str:
    """The share of dialogues that keep an instruction, by the user's turn, before and after (section 3.3, [65])."""
    curves = report.get("kept_by_turn")
    if not curves or not all(curves.values()):
        return ""
    last = max(point["turn"] for curve in curves.values() for point in curve)
    x_of = across(1, max(last, 2))
    y_of = upwards(0, 1)
    drawn: list[Curve] = []
    for name, curve in curves.items():
        places = [(x_of(point["turn"]), y_of(point["share"])) for point in curve]
        upper = [(x_of(point["turn"]), y_of(point["high"])) for point in curve]
        lower = [(x_of(point["turn"]), y_of(point["low"])) for point in reversed(curve)]
        said = f"{name}: {percent(curve[0]['share'])} at turn 1, {percent(curve[-1]['share'])} at turn {last}"
        drawn.append((name, places, [*upper, *lower], said))
    ticks = tuple(Tick(x_of(turn), str(turn)) for turn in _some(range(1, last + 1)))
    heights = tuple(Tick(y_of(share), percent(share)) for share in (0, 0.25, 0.5, 0.75, 1))
    return line_plot("Answers that keep the instruction, with 95 % intervals", "turn", "kept", ticks, heights, drawn)


def scores_svg(report: Mapping[str, Any]) -> str:
    """How the safety scores of the held-out prompts are spread, before and after (section 4.2.4)."""
    found = report.get("distribution") or {}
    counts = {name: found.get("counts", {}).get(f"held_out_{name}") for name in ("before", "after")}
    if not all(counts.values()) or not all(map(sum, counts.values())):
        return ""
    edges = found["edges"]
    shares = {name: [count / sum(each) for count in each] for name, each in counts.items()}
    ticks = round_ticks(edges[0], edges[-1])
    heights = round_ticks(0, max(map(max, shares.values())))
    x_of = across(ticks[0][0], ticks[-1][0])
    y_of = upwards(0, heights[-1][0])
    drawn: list[Curve] = []
    for name, each in shares.items():
        places = []
        for share, left, right in zip(each, edges, edges[1:], strict=False):
            places += [(x_of(left), y_of(share)), (x_of(right), y_of(share))]
        likeliest = max(range(len(each)), key=each.__getitem__)
        said = f"{name}: mostly between {edges[likeliest]:.2g} and {edges[likeliest + 1]:.2g}"
        drawn.append((name, places, [], said))
    return line_plot(
        "Safety scores of the held-out prompts",
        "score (logit)",
        "share",
        tuple(Tick(x_of(value), label) for value, label in ticks),
        tuple(Tick(y_of(value), percent(value)) for value, _ in heights),
        drawn,
    )


def _some(turns: Sequence[int]) -> Sequence[int]:
    """About ten of them."""
    return turns[:: max(1, len(turns) // 10)]
