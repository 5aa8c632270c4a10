"""Executing runs: the same function from a Celery task and from a command, which only shows the progress elsewhere."""

import time
from collections.abc import Callable

from modeling.registry.models import Run
from workers.carrying import ShouldStop, Work
from workers.recipes import RECIPES

Report = Callable[[float, str], None]
"""Takes the share done, 0 to 1, and what is being done."""

WRITE_EVERY_SECONDS = 0.5


def execute(run: Run, should_stop: ShouldStop, show: Report = lambda share, note: None) -> None:
    """Do what the run's kind asks for, its progress in the row and in `show`. Raises JobError and Stopped."""
    report = _progress(run, show)
    if run.kind in RECIPES:
        from workers.training import train

        train(run, should_stop, report)
    elif run.kind == Run.Kind.CAMPAIGN_SAMPLING:
        from workers.campaign_sampling import sample_campaign

        sample_campaign(run, should_stop, report)
    elif run.kind == Run.Kind.REASKING:
        from workers.reasking import reask

        reask(run, should_stop, report)
    elif run.kind == Run.Kind.JUDGING:
        from workers.judging import judge

        judge(run, should_stop, report)
    elif run.kind == Run.Kind.COLLECTION:
        from workers.collecting import collect

        collect(run, should_stop, report)
    elif run.kind == Run.Kind.POLICY_EVALUATION:
        from workers.measuring import measure

        measure(run, should_stop, report)
    elif run.kind == Run.Kind.DIVERSITY:
        from workers.diversity import sample_diversity

        sample_diversity(run, should_stop, report)
    elif run.kind == Run.Kind.SAFETY_SCALING:
        from workers.safety_scaling import scale_safety_data

        scale_safety_data(run, should_stop, report)
    else:
        from workers.scoring import score_answers

        score_answers(run, should_stop, report)


def executing(show: Report) -> Work[Run]:
    """`execute` with its progress shown."""
    return lambda run, should_stop: execute(run, should_stop, show)


def _progress(run: Run, show: Report) -> Report:
    """Reports to `show` always, to the row now and then, and at once where the work turns to something else."""
    last: tuple[float, float, str] = (0.0, -1.0, "")

    def report(share: float, note: str) -> None:
        nonlocal last
        written_at, written_share, written_note = last
        turned = share == written_share  # a new note at the same share: no step was made
        due = turned or time.monotonic() - written_at >= WRITE_EVERY_SECONDS
        if (note != written_note and due) or share >= 1:
            Run.objects.filter(pk=run.pk).update(progress=share, progress_note=note[:200])
            last = (time.monotonic(), share, note)
        show(share, note)

    return report
