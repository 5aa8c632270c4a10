"""Before a campaign: how many prompts and raters a wanted width or difference takes, and what they cost."""

from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError

from evaluation.campaigns import find_campaign
from evaluation.models import Campaign
from evaluation.planning_campaigns import RATERS, Alternatives, Pilot, Wanted, alternatives, pilot
from evaluation.statistics.planning import RULES, Assumptions, Costs, icc_of_ac1, icc_of_percent_agreement
from evaluation.terminal.telling import Table, Told, titled
from evaluation.wording import count, number, percent

NAME = "plan"


def add_arguments(parser: ArgumentParser) -> None:
    wanted = parser.add_mutually_exclusive_group(required=True)
    wanted.add_argument("--width", type=float, help="of the win rate's interval from end to end, as a part of 1: 0.1")
    wanted.add_argument("--difference", type=float, help="of the win rate from 1/2 that is to be found: 0.05")
    parser.add_argument("--pilot", metavar="SLUG", help="a campaign to take the ties and the agreement from")
    parser.add_argument("--tie-rate", type=float, help="the share of votes that are ties")
    agreed = parser.add_mutually_exclusive_group()
    agreed.add_argument(
        "--icc", type=float, help="intraclass correlation of votes on the same prompt, or Fleiss' kappa"
    )
    agreed.add_argument("--agreement", type=float, help="how often two raters say the same of win, tie and loss")
    agreed.add_argument("--ac1", type=float, help="Gwet's AC1 of win, tie and loss")
    parser.add_argument("--rule", choices=RULES, default="majority", help="what a prompt counts by (default: majority)")
    parser.add_argument("--raters", type=int, nargs="+", default=list(RATERS), help="alternatives (default: 1 to 5)")
    parser.add_argument("--power", type=float, default=0.8, help="the chance to find the difference (default: 0.8)")
    parser.add_argument("--confidence", type=float, default=0.95, help="of the interval or the test (default: 0.95)")
    parser.add_argument("--models", type=int, default=2, help="models compared, every two of them a pair (default: 2)")
    parser.add_argument("--prompt-cost", type=float, default=0.0, help="of a prompt with its answers (default: 0)")
    parser.add_argument("--judgement-cost", type=float, default=1.0, help="of one judgement (default: 1)")


def evaluate(options: dict[str, Any]) -> Told:
    try:
        known = pilot(find_campaign(options["pilot"])) if options["pilot"] else None
        if options["models"] < 2:
            raise ValueError(f"models must be 2 or more, got {options['models']}")
        pairs = options["models"] * (options["models"] - 1) // 2
        wanted = Wanted(options["width"], options["difference"], options["power"], options["confidence"], pairs)
        costs = Costs(options["prompt_cost"], pairs * options["judgement_cost"])  # each prompt serves all pairs
        found = alternatives(_assumptions(options, known), wanted, options["rule"], costs, options["raters"])
    except (Campaign.DoesNotExist, ValueError) as error:
        raise CommandError(str(error)) from error
    if not found.plans:
        raise CommandError(found.refused)
    told = asdict(found) | {"pilot": asdict(known) if known else None, "says": found.says}
    for plan, row in zip(found.plans, told["plans"], strict=True):
        row |= {"judgements": plan.judgements, "variance_per_judgement": plan.variance_per_judgement}
    best = found.cheapest
    main = {"raters": best.raters, "prompts": best.prompts, "cost": best.cost} if best else {}
    return Told(list(lines(found, known)), main, told)


def _assumptions(options: dict[str, Any], known: Pilot | None) -> Assumptions:
    tie_rate, icc = options["tie_rate"], options["icc"]
    if tie_rate is None and known:
        tie_rate = known.tie_rate
    if tie_rate is None:
        raise ValueError("Say how many votes are ties with --tie-rate, or name a --pilot to take it from.")
    if options["agreement"] is not None:
        icc = icc_of_percent_agreement(options["agreement"], tie_rate)
    elif options["ac1"] is not None:
        icc = icc_of_ac1(options["ac1"], tie_rate)
    elif icc is None and known:
        icc = known.icc
    if icc is None:
        raise ValueError(
            "Say how far raters agree with --icc, --agreement or --ac1, or name a --pilot to take it from."
        )
    return Assumptions(tie_rate, icc)


def lines(found: Alternatives, known: Pilot | None) -> Iterator[str]:
    given, wanted = found.assumptions, found.wanted
    if known:
        yield f"Pilot {known.campaign}: {known.votes:,} votes on {known.items:,} items"
    yield (
        f"Ties {percent(given.tie_rate, 1)}, intraclass correlation {number(given.icc)}: two raters say the same in "
        f"{percent(given.percent_agreement, 1)}"
    )
    if wanted.width is not None:
        aim = f"An interval at most {percent(wanted.width, 1)} wide"
    else:
        aim = f"To find {percent(0.5 + (wanted.difference or 0), 1)} against 50 % with power {percent(wanted.power)}"
    pairs = f", {wanted.pairs} pairs together (Bonferroni)" if wanted.pairs > 1 else ""
    rows: Table = [("raters", "prompts", "judgements", "cost", "width", "win rate", "power", "variance a judgement")]
    for plan in found.plans:
        amounts = str(plan.raters), f"{plan.prompts:,}", f"{plan.judgements * wanted.pairs:,}", f"{plan.cost:,.0f}"
        figures = percent(plan.width, 1), percent(plan.win_rate, 1), percent(plan.power)
        rows.append((*amounts, *figures, number(plan.variance_per_judgement, 3)))
    yield from titled(f"{aim}, by {found.plans[0].rule}, at {percent(wanted.confidence)}{pairs}", rows)
    yield ""
    if found.refused:
        yield found.refused
    if found.cheapest:
        yield f"Cheapest: {count(found.cheapest.raters, 'rater')} on {found.cheapest.prompts:,} prompts."
    yield found.says
