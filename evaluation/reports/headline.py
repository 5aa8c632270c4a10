"""What a report says first: its headline and what the work rests on."""

from evaluation.reports.report import Report
from evaluation.statistics.estimates import FEW_CLUSTERS
from evaluation.wording import count, is_decided, percent, percent_interval


def headline(report: Report) -> str:
    """What the campaign found, in one sentence."""
    if report.items == 0:
        return "There are no pairs of answers to judge yet."
    if report.votes == 0:
        return "Nobody has judged a pair yet."
    best = report.slices[0]
    rates = best.by_item
    others = report.models[1] if len(report.models) == 2 else f"the other {len(report.models) - 1} models"
    share = f"in {percent(rates.win.value)} of items (95 % interval {percent_interval(rates.win)})"
    if is_decided(rates.win_rate, best.prompts):
        return f"{best.model} beats {others} {share}."
    few = f", on {count(best.prompts, 'prompt')} alone" if best.prompts < FEW_CLUSTERS else ""
    return f"{best.model} and {others} can't be told apart yet{few}: {best.model} is preferred {share}."


def beneath_the_headline(report: Report) -> str:
    """Losses and ties, and how much of the work the report rests on."""
    if report.items == 0:
        return "They appear here when the answers are sampled, or when a file of judgements is imported."
    if report.votes == 0:
        return f"{count(report.items, 'pair waits', 'pairs wait')} for {count(report.raters_per_item, 'rater')} each."
    best = report.slices[0]
    rates = best.by_item
    lost = f"It loses in {percent(rates.loss.value)} and ties in {percent(rates.tie.value)}."
    if report.votes + report.unusable >= report.places:
        done = f"All {count(report.items, 'item')} on {count(report.prompts, 'prompt')} are fully judged."
    else:
        done = (
            f"Not finished: {report.complete:,} of {count(report.items, 'item')} have all their judgements and "
            f"{report.judged:,} have one or more; what follows rests on these."
        )
    few = f" Only {best.prompts} prompts: intervals are likely to be too narrow." if best.prompts < FEW_CLUSTERS else ""
    return f"{lost} {done}{few}"
