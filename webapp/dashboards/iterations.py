"""The loop's progress: every version's win rates on both axes, and the stages behind them."""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from evaluation.iterations import Cells, cells_of, headings, history_of, loops
from evaluation.models import Iteration
from evaluation.progress_plot import ProgressPlot, progress_figure


@dataclass(frozen=True)
class LoopCard:
    """A loop on the page: its newest iteration, its figure and table where it was evaluated, and the newest stages."""

    iteration: Iteration
    plot: ProgressPlot | None
    headings: Cells
    rows: list[Cells]
    prompts: dict[str, int]

    @property
    def stages(self) -> Any:
        return self.iteration.stages.select_related("run")


@require_GET
@permission_required("evaluation.view_iteration", raise_exception=True)
def iterations(request: HttpRequest) -> HttpResponse:
    context = {"section": "runs", "cards": [card(newest) for newest in loops()]}
    return render(request, "dashboards/iterations.html", context)


def card(newest: Iteration) -> LoopCard:
    history = history_of(newest)
    by_gold = any("gold" in version for version in history["versions"])
    return LoopCard(
        iteration=newest,
        plot=progress_figure(history) if history["versions"] else None,
        headings=headings(by_gold=by_gold),
        rows=[cells_of(version, by_gold=by_gold) for version in history["versions"]],
        prompts=history.get("prompts", {}),
    )
