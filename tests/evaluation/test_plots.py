"""Figures stand where their values say."""

from itertools import pairwise

from evaluation.plots import Scale, Whisker, stacked
from evaluation.reports.sections.leaderboard import leaderboard_plot
from evaluation.statistics.bradley_terry import bradley_terry
from evaluation.statistics.estimates import Estimate
from evaluation.statistics.preferences import win_rate


def test_a_value_stands_in_percent_of_the_width_and_never_outside() -> None:
    scale = Scale(800, 1200)
    assert [scale.at(value) for value in (800, 900, 1200, 5000)] == ["0.00%", "25.00%", "100.00%", "100.00%"]
    assert scale.span(900, 1300) == "75.00%"


def test_a_whisker_spans_the_interval() -> None:
    estimate = Estimate(0.5, 0.1, (0.25, 0.75), 0.95)
    assert Whisker.of(estimate, Scale(0, 1)) == Whisker("50.00%", "25.00%", "75.00%", hollow=False)


def test_an_undefined_figure_has_no_dot_and_one_without_error_no_whisker() -> None:
    undefined = Estimate(None, None, None, 0.95, "Nothing was counted yet.")
    alone = Estimate(0.5, None, None, 0.95, "One cluster alone says nothing.")
    assert Whisker.of(undefined, Scale(0, 1)) == Whisker(None, None, None, hollow=True)
    assert Whisker.of(alone, Scale(0, 1)) == Whisker("50.00%", None, None, hollow=True)


def test_win_tie_and_loss_fill_the_bar() -> None:
    bar = stacked("x", "y", win_rate([1, 1, 0, -1]))
    assert (bar.win, bar.tie, bar.loss, bar.loss_at) == ("50.00%", "25.00%", "25.00%", "75.00%")
    assert (bar.wins, bar.ties, bar.losses) == ("50 %", "25 %", "25 %")


def test_the_axis_of_ratings_ends_at_round_values_around_every_interval() -> None:
    board = bradley_terry(["x", "x", "y", "x"], ["y", "y", "x", "y"], [1, 0, 0.5, 1])
    plot = leaderboard_plot(board)
    labels = [float(tick.label.replace("\N{MINUS SIGN}", "-")) for tick in plot.ticks]
    bounds = [bound for standing in board.standings for bound in standing.rating.interval or ()]
    assert labels[0] <= min(bounds) and max(bounds) <= labels[-1]
    assert (plot.ticks[0].x, plot.ticks[-1].x) == ("0.00%", "100.00%")
    assert len({round(b - a) for a, b in pairwise(labels)}) == 1
