"""Chat models in the raters' place: what they prefer, and whether their verdicts can be trusted."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from evaluation.judge_verdicts import (
    Asked,
    Verdicts,
    asked_at,
    collect_verdicts,
    fingerprint,
    lengths_of,
    mean_of,
    verdicts_of,
)
from evaluation.plots import RATE_TICKS, RATES, Dot, DotPlot, Whisker, stacked, why_missing
from evaluation.reports.lines import Line, Subject
from evaluation.reports.material import Material, leaderboard_of, meetings
from evaluation.reports.report import Report
from evaluation.reports.section import Reading, Section, Source
from evaluation.reports.sections.judges import JudgedPair
from evaluation.statistics.bradley_terry import Leaderboard
from evaluation.statistics.estimates import Estimate, clustered_mean
from evaluation.statistics.judge_audits import (
    HumanAgreement,
    LengthBias,
    SelfConsistency,
    SideBias,
    human_agreement,
    length_bias,
    self_consistency,
    side_bias,
)
from evaluation.statistics.preferences import win_rate
from evaluation.statistics.proportions import wilson
from evaluation.wording import count, number, number_interval, percent, percent_interval


@dataclass(frozen=True)
class JudgeAudit:
    """One judge with one template.

    items: with a verdict. unreadable: of its replies. self_preference: where one of two answers is the judge's own, its
    preference for that less the humans'; None where none is.
    """

    asked: Asked
    items: int
    without_verdict: int
    unreadable: Estimate
    pairs: tuple[JudgedPair, ...]
    leaderboard: Leaderboard
    sides: SideBias
    length: LengthBias
    consistency: SelfConsistency
    humans: HumanAgreement
    self_preference: Estimate | None


def figures(material: Material) -> tuple[JudgeAudit, ...] | None:
    found = material.extras["judge_models"]
    if not found["asked"] or not len(material.ballots):
        return None
    return tuple(_audit(material, place) for place in range(len(found["asked"])))


def _audit(material: Material, place: int) -> JudgeAudit:
    ballots, found = material.ballots, material.extras["judge_models"]
    asked, verdicts = asked_at(found, place), verdicts_of(ballots, found, place)
    sides = verdicts.sides
    own = replace(ballots, votes=sides[:, None])
    shown = mean_of(verdicts.shown_first), mean_of(verdicts.shown_second)
    return JudgeAudit(
        asked=asked,
        items=int(own.cast.sum()),
        without_verdict=int((~own.cast).sum()),
        unreadable=wilson(asked.failures, asked.replies),
        pairs=tuple(
            JudgedPair(first, second, win_rate(between.votes[:, 0] * between.towards(first), between.prompts))
            for first, second, between in meetings(own, material.models)
        ),
        leaderboard=leaderboard_of(own, sides),
        sides=side_bias(*shown, ballots.prompts),
        length=length_bias(
            verdicts.preference,
            lengths_of(ballots, found),
            material.majority,
            ballots.prompts,
            np.char.add(np.char.add(ballots.first, " "), ballots.second),
        ),
        consistency=self_consistency(verdicts.repeated),
        humans=human_agreement(sides, ballots.votes, ballots.prompts),
        self_preference=_self_preference(material, verdicts, asked),
    )


def _self_preference(material: Material, verdicts: Verdicts, asked: Asked) -> Estimate | None:
    """Towards the judge's own answers, on items where one of the two is its own and people have judged."""
    ballots = material.ballots
    own, other = (np.isin(models, asked.competitors) for models in (ballots.first, ballots.second))
    sign = np.where(own, 1.0, -1.0)
    beyond = sign * (verdicts.preference - (material.majority + 1) / 2)
    kept = (own != other) & ~np.isnan(beyond)
    return clustered_mean(beyond[kept], ballots.prompts[kept]) if asked.competitors else None


def read_audit(audit: JudgeAudit) -> str:
    """Whether this judge can stand for the raters, in sentences."""
    humans, sides, length = audit.humans, audit.sides, audit.length
    said = [f"{audit.asked.judge} was asked by {audit.asked.template}"]
    if audit.asked.imported:
        said = [f"The verdicts of {audit.asked.judge} come from a file"]
    said[0] += f"; {_unreadable(audit)}."
    if humans.accuracy.value is None:
        said.append("It can't be held against the raters yet: no item has its verdict and a majority that prefers one.")
    else:
        said.append(
            f"It sides with the raters' majority in {_with_interval(humans.accuracy)} of "
            f"{count(humans.decided, 'item')} where both prefer an answer."
        )
        if humans.between_raters.value is not None:
            said.append(
                f"Its verdict is a single rater's in {percent(humans.with_one_rater.value)}; two raters agree in "
                f"{percent(humans.between_raters.value)}."
            )
    if sides.pairs:
        said.append(
            f"Shown the same pair the other way round, its verdict changes in {_with_interval(sides.flipped)} of "
            f"{count(sides.pairs, 'pair')}{_leaning(sides)}."
        )
    elif sides.first_preferred.interval:
        drawn_by = ", but a file set the order" if audit.asked.imported else ""
        share = _with_interval(sides.first_preferred)
        said.append(f"It prefers the answer shown first in {share} of its verdicts{drawn_by}.")
    if length.odds.value is not None and length.odds.interval:
        said.append(
            f"Twice the length multiplies an answer's odds by {number(length.odds.value)} (95 % interval "
            f"{number_interval(length.odds)}){_for_humans(length)}."
        )
    if audit.consistency.questions and audit.consistency.same.value is not None:
        said.append(
            f"Asked the same again, it says the same in {percent(audit.consistency.same.value)} of pairs of replies."
        )
    if audit.self_preference is not None:
        said.append(_on_itself(audit))
    return " ".join(said)


def _for_humans(length: LengthBias) -> str:
    if length.humans_odds.value is None or length.humans_odds.interval is None:
        return ""
    return f", in the raters' eyes by {number(length.humans_odds.value)} ({number_interval(length.humans_odds)})"


def _with_interval(share: Estimate) -> str:
    bounds = f" (95 % interval {percent_interval(share)})" if share.interval else ""
    return f"{percent(share.value)}{bounds}"


def _unreadable(audit: JudgeAudit) -> str:
    failures, replies = audit.asked.failures, audit.asked.replies
    if not failures:
        return f"all of {count(replies, 'reply', 'replies')} could be read"
    are = "is" if failures == 1 else "are"
    return f"{failures:,} of {count(replies, 'reply', 'replies')} could not be read and {are} left out"


def _leaning(sides: SideBias) -> str:
    if not sides.always_first + sides.always_second:
        return ", never from one answer to the other"
    return (
        f"; {count(sides.always_first, 'time')} it took the first answer both times, "
        f"{count(sides.always_second, 'time')} the second"
    )


def _on_itself(audit: JudgeAudit) -> str:
    beyond, names = audit.self_preference, ", ".join(audit.asked.competitors)
    assert beyond is not None  # noqa: S101 - the caller has looked
    said = f"It judges answers of its own ({names}), and judges are known to favour these"
    if beyond.value is None or beyond.interval is None:
        return f"{said}: too few human votes tell how much."
    value, low, high = (number(100 * figure, 1) for figure in (beyond.value, *beyond.interval))
    return f"{said}: beyond the raters' majority by {value} points (95 % interval {low} to {high}) here."


def title(audits: tuple[JudgeAudit, ...], report: Report) -> str:
    judges = {audit.asked.judge for audit in audits}
    return f"Judged by {judges.pop()}" if len(judges) == 1 else "Judged by chat models"


def read(audits: tuple[JudgeAudit, ...], report: Report) -> Reading:
    caveat = "A judge that agrees with people here may not agree with them about other models or other prompts."
    if len(audits) == 1:
        return Reading(read_audit(audits[0]), caveat)
    return Reading(f"{len(audits)} sets of verdicts stand in the raters' place, each audited by itself.", caveat)


def audit_plot(audit: JudgeAudit) -> DotPlot:
    """The shares of an audit, with their intervals."""
    sides, length, humans = audit.sides, audit.length, audit.humans
    figures = [
        ("it sides with the raters' majority", humans.decided, humans.accuracy, True),
        ("it says what a single rater says", humans.items, humans.with_one_rater, False),
        ("two raters say the same", humans.items, humans.between_raters, False),
        ("it prefers the answer shown first", sides.verdicts, sides.first_preferred, False),
        ("it changes its verdict with the order", sides.pairs, sides.flipped, False),
        ("it prefers the longer answer", length.compared, length.judge_longer, False),
        ("the raters prefer the longer answer", length.compared, length.humans_longer, False),
        ("it can't be read", audit.asked.replies, audit.unreadable, False),
    ]
    rows = (
        Dot(
            label=label,
            n=n,
            whisker=Whisker.of(figure, RATES),
            text=percent(figure.value, 1),
            interval=percent_interval(figure, 1),
            note=why_missing(figure),
            heading=heading,
        )
        for label, n, figure, heading in figures
        if n or heading
    )
    return DotPlot("Share", "cases", tuple(rows), RATE_TICKS, reference=RATES.at(0.5))


def drawn(audits: tuple[JudgeAudit, ...], report: Report) -> Mapping[str, Any]:
    return {
        "audits": [
            {
                "audit": audit,
                "bars": [stacked(pair.first, pair.second, pair.by_item) for pair in audit.pairs],
                "plot": audit_plot(audit),
                "reading": read_audit(audit),
                "confusion": tuple(zip(("first wins", "tie", "second wins"), audit.humans.confusion, strict=True)),
            }
            for audit in audits
        ],
        "ticks": RATE_TICKS,
    }


def method(audits: tuple[JudgeAudit, ...], report: Report) -> str:
    return (
        "A judge model's preference on an item is the mean of its verdicts over both orders of the answers, where it "
        "was asked both, and over its samples; above one half is a win, exactly one half a tie. Replies without a "
        "verdict that can be read are counted and left out. Length bias is a logistic regression of the preference on "
        "the doublings of one answer's length in characters over the other's, with an intercept for each pair of "
        "models. Intervals are clustered by prompt; that of unreadable replies is Wilson's."
    )


def lines(audits: tuple[JudgeAudit, ...], report: Report) -> Iterator[Line]:
    for audit in audits:
        judge, humans, sides, length = audit.asked.name, audit.humans, audit.sides, audit.length
        whole = Subject(judge, "campaign")
        yield whole.line("with_majority", humans.accuracy, humans.decided)
        yield whole.line("same_side_as_majority", humans.same, humans.items)
        yield whole.line("ac1_with_majority", humans.ac1, humans.items)
        yield whole.line("ac2_with_majority", humans.ac2, humans.items)
        yield whole.line("with_one_rater", humans.with_one_rater, humans.items)
        yield whole.line("between_raters", humans.between_raters, humans.items)
        yield whole.line("judge_less_rater", humans.difference, humans.items)
        yield whole.line("first_shown_preferred", sides.first_preferred, sides.verdicts)
        yield whole.line("verdict_changes_with_order", sides.flipped, sides.pairs)
        yield whole.line("verdict_reverses_with_order", sides.reversed, sides.pairs)
        yield whole.line("between_orders_ac1", sides.between_orders, sides.pairs)
        yield whole.line("odds_of_twice_the_length", length.odds, length.pairs)
        yield whole.line("odds_of_twice_the_length_for_raters", length.humans_odds, length.compared)
        yield whole.line("longer_preferred", length.judge_longer, length.compared)
        yield whole.line("longer_preferred_by_raters", length.humans_longer, length.compared)
        yield whole.line("longer_preferred_difference", length.difference, length.compared)
        yield whole.line("same_when_asked_again", audit.consistency.same, audit.consistency.questions)
        yield whole.line("unreadable", audit.unreadable, audit.asked.replies)
        if audit.self_preference is not None:
            yield whole.line("self_preference", audit.self_preference, humans.items)
        for standing in audit.leaderboard.standings:
            yield Subject(judge, "leaderboard", standing.model).line("elo", standing.rating, standing.battles)
        for pair in audit.pairs:
            yield from Subject(judge, "pair", pair.first, pair.second).rates(pair.by_item)


def in_page(audits: tuple[JudgeAudit, ...], report: Report) -> bool:
    """Judges may speak before anybody has."""
    return len(audits) > 0


SECTION = Section(
    key="judge_models",
    title=title,
    figures=figures,
    read=read,
    drawn=drawn,
    method=method,
    lines=lines,
    source=Source(collect_verdicts, fingerprint),
    in_page=in_page,
)
