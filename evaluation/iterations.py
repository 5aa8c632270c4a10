"""What the iterations of a loop have come to: the figures of every version, and what each stage took."""

from typing import Any

from django.db.models import QuerySet

from evaluation.models import Iteration, Stage
from evaluation.wording import NONE, TO, number, percent
from modeling.registry.models import Job, Run

Figures = dict[str, Any]


def iterations_with(iteration: Iteration) -> QuerySet[Iteration]:
    """The iterations of the loop that this one belongs to, in order."""
    loop = {name: getattr(iteration, name) for name in ("helpfulness_project", "safety_project")}
    return Iteration.objects.filter(**loop).order_by("number")


def history_of(iteration: Iteration) -> Figures:
    """The loop up to this iteration: every version as the newest evaluation judges it, with its iteration's figures.

    {"versions": [{"number", "model", "reward", "gold"?, "iteration"?}], "judges", "prompts", "draws", "seconds"}.
    Without an evaluation there are no versions yet.
    """
    done = list(iterations_with(iteration).filter(number__lte=iteration.number).prefetch_related("stages__run"))
    by_number = {each.number: runs_by_stage(each) for each in done}
    evaluations = [run for runs in by_number.values() if (run := runs.get(Stage.Name.EVALUATION))]
    figures: Figures = dict(evaluations[-1].report) if evaluations else {"versions": []}
    versions = [
        version | ({"iteration": iteration_figures(runs)} if (runs := by_number.get(version["number"])) else {})
        for version in figures["versions"]
    ]
    seconds = sum(seconds_of(run) for runs in by_number.values() for run in runs.values())
    return figures | {"versions": versions, "seconds": round(seconds, 1)}


def runs_by_stage(iteration: Iteration) -> dict[str, Run]:
    """The runs that are done, by stage."""
    return {stage.name: stage.run for stage in iteration.stages.all() if stage.run.status == Job.Status.DONE}


def seconds_of(run: Run) -> float:
    """From the start of the attempt that succeeded to its end."""
    if run.started_at is None or run.finished_at is None:
        return 0.0
    return (run.finished_at - run.started_at).total_seconds()


def iteration_figures(runs: dict[str, Run]) -> Figures:
    """What was collected, how well the reward models order held-out pairs, and the seconds of each stage."""
    collection = runs[Stage.Name.COLLECTION].report if Stage.Name.COLLECTION in runs else {}
    accuracies = {
        stage.removesuffix("_reward"): accuracy_of(runs[stage], stage.removesuffix("_reward"))
        for stage in (Stage.Name.HELPFULNESS_REWARD.value, Stage.Name.SAFETY_REWARD.value)
        if stage in runs
    }
    return {
        "comparisons": collection.get("comparisons", {}),
        "agreement": collection.get("agreement", {}),
        "reward_model_accuracy": accuracies,
        "seconds": {stage: round(seconds_of(run), 1) for stage, run in runs.items()},
    }


def accuracy_of(run: Run, dimension: str) -> Figures | None:
    """How many held-out pairs of its own stream a reward model orders rightly; of all pairs where it was not mixed."""
    of_its_own: Figures | None = run.report.get("accuracy_by_source", {}).get(dimension)
    return of_its_own or run.report.get("accuracy")


def loops() -> list[Iteration]:
    """The newest iteration of every loop, the loop that began last first."""
    newest: dict[tuple[int, int], Iteration] = {}
    rows = Iteration.objects.select_related("helpfulness_project", "safety_project", "base")
    for iteration in rows.order_by("number"):
        newest[iteration.helpfulness_project_id, iteration.safety_project_id] = iteration
    return sorted(newest.values(), key=lambda iteration: iteration.pk, reverse=True)


# As a table -----------------------------------------------------------------------------------------------------------

Cells = tuple[str, ...]
BY_GOLD = ("version", "win rate", "on helpfulness", "on safety", "helpful", "safe", "accuracy h / s", "seconds")
BY_REWARD = ("version", "on helpfulness", "on safety", "violations", "accuracy h / s", "seconds")


def headings(*, by_gold: bool) -> Cells:
    return BY_GOLD if by_gold else BY_REWARD


def table_of(history: Figures) -> str:
    """The versions as a table of text: win rates over V0 with 95 % intervals, by the gold where it judged, else by the
    reward models."""
    by_gold = any("gold" in version for version in history["versions"])
    rows = [headings(by_gold=by_gold)]
    rows += [cells_of(version, by_gold=by_gold) for version in history["versions"]]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def cells_of(version: Figures, *, by_gold: bool) -> Cells:
    iteration = version.get("iteration", {})
    accuracies = iteration.get("reward_model_accuracy", {}).values()
    accuracy = " / ".join(percent(each["accuracy"]) if each else NONE for each in accuracies) or NONE
    seconds = number(sum(iteration["seconds"].values()), 0) if iteration else NONE
    judged = version["gold" if by_gold else "reward"]
    rates = [with_interval(judged[axis]) for axis in ("helpfulness", "safety")]
    if by_gold:
        rates = [with_interval(judged["overall"]), *rates, number(judged["mean_helpfulness"]["value"])]
        rates.append(percent(judged["safe"]["value"], 1))
    else:
        rates.append(percent(judged["violations"]["value"], 1))
    return (f"V{version['number']} {version['model']}", *rates, accuracy, seconds)


def with_interval(figure: Figures) -> str:
    """75.1 % (71.0-79.2)"""
    if figure["low"] is None:
        return percent(figure["value"], 1)
    return f"{percent(figure['value'], 1)} ({bounds(figure['low'], figure['high'])})"


def bounds(*values: float) -> str:
    return TO.join(f"{100 * value:.1f}" for value in values)
