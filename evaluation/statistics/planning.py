"""Planning a comparison of two models: how many prompts and raters a wanted precision or power takes.

The model. A prompt has its own chances of a win, a tie and a loss, spread around the campaign's as a Dirichlet
distribution; its raters draw from them, independently (Mosimann, 1962: the compound multinomial). One number, the
intraclass correlation icc, says how far prompts differ: 0, raters agree by chance alone; 1, always. It is what Fleiss'
kappa estimates (Landis and Koch, 1977), with quadratic weights that of the points 1, 1/2, 0 (Fleiss and Cohen, 1973).

A vote worth 1, 1/2 or 0 has the mean m and the variance s2 = win + tie/4 - m^2. The mean of r votes on one prompt has
s2 (1 + (r - 1) icc) / r (Kish, 1965, section 5.4), and that of n prompts a part n of it: an error by prompt, as the win
rates of reports have. The majority of r votes has the distribution that sums the compound multinomial over the counts.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from scipy import special

from evaluation.statistics.estimates import check_confidence, t_quantile

RULES = ("majority", "vote")
MOST_RATERS = 50
MOST_PROMPTS = 10_000_000
ALMOST = 1e-9  # an icc this near to 0 or 1 is taken for it


class NoPlanError(ValueError):
    """No number of prompts does what is wanted; the message says why."""


@dataclass(frozen=True)
class Assumptions:
    """What is expected of the votes.

    win_rate: of the first model, ties as half a win. tie_rate: share of votes that are ties. icc: the intraclass
    correlation of votes on the same prompt. Raises ValueError when they can't be together.
    """

    tie_rate: float
    icc: float
    win_rate: float = 0.5

    def __post_init__(self) -> None:
        for name in ("tie_rate", "icc", "win_rate"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be between 0 and 1, got {getattr(self, name)}")
        if self.tie_rate > 2 * min(self.win_rate, 1 - self.win_rate) + ALMOST:
            most = 2 * min(self.win_rate, 1 - self.win_rate)
            raise ValueError(
                f"with a win rate of {self.win_rate:g}, ties as half a win, at most {most:g} of votes can be ties, "
                f"got a tie_rate of {self.tie_rate:g}"
            )

    @property
    def shares(self) -> tuple[float, float, float]:
        """Of votes for the first model, ties, votes for the second."""
        won = max(self.win_rate - self.tie_rate / 2, 0.0)
        return won, self.tie_rate, max(1 - won - self.tie_rate, 0.0)

    @property
    def percent_agreement(self) -> float:
        """How often two raters of a prompt say the same of win, tie and loss."""
        by_chance = sum(share**2 for share in self.shares)
        return by_chance + self.icc * (1 - by_chance)

    def at(self, win_rate: float) -> "Assumptions":
        return Assumptions(self.tie_rate, self.icc, win_rate)


def icc_of_percent_agreement(agreement: float, tie_rate: float, win_rate: float = 0.5) -> float:
    """The icc at which two raters of a prompt say the same of win, tie and loss this often.

    Raises ValueError for less agreement than chance alone makes.
    """
    by_chance = Assumptions(tie_rate, 0, win_rate).percent_agreement
    if not by_chance - ALMOST <= agreement <= 1:
        raise ValueError(
            f"agreement must be between {by_chance:.3f}, which chance alone makes with these wins and ties, and 1, "
            f"got {agreement:g}"
        )
    return max((agreement - by_chance) / (1 - by_chance), 0.0) if by_chance < 1 else 1.0


def icc_of_ac1(ac1: float, tie_rate: float, win_rate: float = 0.5) -> float:
    """The icc at which votes for win, tie and loss have this AC1, whose chance is sum of p (1 - p) / 2."""
    if not -1 <= ac1 <= 1:
        raise ValueError(f"AC1 must be between -1 and 1, got {ac1:g}")
    by_chance = sum(share * (1 - share) for share in Assumptions(tie_rate, 0, win_rate).shares) / 2
    return icc_of_percent_agreement(by_chance + ac1 * (1 - by_chance), tie_rate, win_rate)


@dataclass(frozen=True)
class Outcome:
    """Mean and variance of what one prompt contributes, from 0 to 1."""

    mean: float
    variance: float


def outcome(assumptions: Assumptions, raters: int, rule: str = "majority") -> Outcome:
    """Of one prompt with so many raters, by the majority of their votes (else a tie) or by their mean ("vote")."""
    if rule not in RULES:
        raise ValueError(f"rule must be one of {', '.join(RULES)}, got {rule!r}")
    if not 1 <= raters <= MOST_RATERS:
        raise ValueError(f"raters must be between 1 and {MOST_RATERS}, got {raters}")
    won, tied, _ = assumptions.shares
    mean = assumptions.win_rate
    variance = max(won + tied / 4 - mean**2, 0.0)
    if rule == "vote" or raters == 1:
        return Outcome(mean, variance * (1 + (raters - 1) * assumptions.icc) / raters)
    won, tied, _ = _majority(assumptions, raters)
    mean = won + tied / 2
    return Outcome(mean, max(won + tied / 4 - mean**2, 0.0))


def _majority(assumptions: Assumptions, raters: int) -> tuple[float, float, float]:
    """How likely more than half of the raters say win, neither, loss."""
    won = lost = 0.0
    for wins in range(raters + 1):
        for losses in range(raters + 1 - wins):
            if 2 * max(wins, losses) > raters:
                chance = _chance((wins, raters - wins - losses, losses), assumptions)
                won, lost = (won + chance, lost) if wins > losses else (won, lost + chance)
    return won, 1 - won - lost, lost


def _chance(counts: tuple[int, int, int], assumptions: Assumptions) -> float:
    """How likely these counts of wins, ties and losses are: compound multinomial, its limits at icc 0 and 1."""
    shares, icc = assumptions.shares, assumptions.icc
    raters = sum(counts)
    if any(share == 0 and count for share, count in zip(shares, counts, strict=True)):
        return 0.0
    there = [(share, count) for share, count in zip(shares, counts, strict=True) if share > 0]
    if icc > 1 - ALMOST:
        return sum(share for share, count in there if count == raters)
    orders = special.gammaln(raters + 1) - sum(special.gammaln(count + 1) for _, count in there)
    if icc < ALMOST:
        return float(math.exp(orders + sum(count * math.log(share) for share, count in there)))
    spread = (1 - icc) / icc
    logarithm = orders + special.gammaln(spread) - special.gammaln(spread + raters)
    logarithm += sum(
        special.gammaln(spread * share + count) - special.gammaln(spread * share) for share, count in there
    )
    return float(math.exp(logarithm))


@dataclass(frozen=True)
class Plan:
    """So many prompts with so many raters each, and what that gives.

    win_rate: by the rule; a majority takes it farther from one half than single votes do. width: of its interval.
    power: the chance to find a difference from one half, None where none was asked for. variance_per_judgement: what
    one prompt's outcome varies times its raters, the lower the more a judgement tells. cost: in the units of the costs.
    """

    rule: str
    raters: int
    prompts: int
    win_rate: float
    standard_error: float
    width: float
    power: float | None
    confidence: float
    cost: float

    @property
    def judgements(self) -> int:
        return self.prompts * self.raters

    @property
    def variance_per_judgement(self) -> float:
        return self.standard_error**2 * self.judgements


@dataclass(frozen=True)
class Costs:
    """Of a prompt with its answers, and of one judgement, in any unit (money, minutes)."""

    prompt: float = 0.0
    judgement: float = 1.0

    def __post_init__(self) -> None:
        for name in ("prompt", "judgement"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                raise ValueError(f"the cost of a {name} must be a number from 0 up, got {getattr(self, name)}")

    def of(self, prompts: int, raters: int) -> float:
        return prompts * (self.prompt + raters * self.judgement)


FREE_PROMPTS = Costs()


def for_width(
    assumptions: Assumptions,
    width: float,
    raters: int,
    rule: str = "majority",
    confidence: float = 0.95,
    comparisons: int = 1,
    costs: Costs = FREE_PROMPTS,
) -> Plan:
    """The fewest prompts whose win rate has an interval at most this wide, from end to end.

    n such that 2 t s / sqrt(n) <= width, with n - 1 degrees of freedom. comparisons: pairs of models whose intervals
    are to hold together, each at 1 - (1 - confidence) / comparisons (Bonferroni).
    """
    if not 0 < width < 1:
        raise ValueError(f"width must be between 0 and 1, for example 0.1, got {width:g}")
    level = _simultaneous(confidence, comparisons)
    found = outcome(assumptions, raters, rule)

    def suffices(prompts: int) -> bool:
        return 2 * t_quantile(level, prompts - 1) * math.sqrt(found.variance / prompts) <= width

    return _plan(assumptions, raters, _fewest(suffices), rule, level, None, costs)


def for_difference(
    assumptions: Assumptions,
    difference: float,
    raters: int,
    rule: str = "majority",
    power: float = 0.8,
    confidence: float = 0.95,
    comparisons: int = 1,
    costs: Costs = FREE_PROMPTS,
) -> Plan:
    """The fewest prompts that tell two models apart with this power, when the win rate of votes is 1/2 + difference.

    The two-sided t test against one half at 1 - confidence: its power is P(T > t), T noncentral with n - 1 degrees of
    freedom and the noncentrality (mean - 1/2) sqrt(n) / s. comparisons: as of `for_width`.
    """
    if not 0 < power < 1:
        raise ValueError(f"power must be between 0 and 1, for example 0.8, got {power:g}")
    level = _simultaneous(confidence, comparisons)
    apart = _apart(assumptions, difference)
    found = outcome(apart, raters, rule)
    return _plan(
        apart, raters, _fewest(lambda prompts: _power(found, prompts, level) >= power), rule, level, difference, costs
    )


def detectable_difference(
    assumptions: Assumptions,
    prompts: int,
    raters: int,
    rule: str = "majority",
    power: float = 0.8,
    confidence: float = 0.95,
    comparisons: int = 1,
) -> float:
    """The smallest distance of single votes' win rate from one half that so many prompts find with this power.

    Raises NoPlanError when even the largest that the ties leave room for is not found.
    """
    if prompts < 2:
        raise ValueError(f"prompts must be 2 or more, got {prompts}")
    level = _simultaneous(confidence, comparisons)
    low, high = 0.0, (1 - assumptions.tie_rate) / 2
    if not high or _power(outcome(_apart(assumptions, high), raters, rule), prompts, level) < power:
        raise NoPlanError(f"{prompts} prompts are too few to find any difference with a power of {power:g}.")
    for _ in range(50):
        middle = (low + high) / 2
        enough = _power(outcome(_apart(assumptions, middle), raters, rule), prompts, level) >= power
        low, high = (low, middle) if enough else (middle, high)
    return high


def best_number_of_raters(icc: float, costs: Costs) -> float:
    """Raters per prompt that make the mean of votes most precise for the money: sqrt(c_prompt/c_judgement (1-icc)/icc).

    Cochran, Sampling Techniques (3rd edition, 1977), section 10.6. At least 1; infinite where judgements cost nothing
    or prompts do not differ.
    """
    if icc <= 0 or costs.judgement == 0:
        return math.inf if costs.prompt > 0 else 1.0
    return max(math.sqrt(costs.prompt / costs.judgement * (1 - icc) / icc), 1.0)


@dataclass(frozen=True)
class AnotherRater:
    """What one more rater on each prompt does to the variance, against new prompts for the same money.

    by_rater, by_prompts: the variance afterwards as a part of that before, by the rule; the smaller is worth more.
    """

    raters: int
    by_rater: float
    by_prompts: float

    @property
    def prompts_are_worth_more(self) -> bool:
        return self.by_prompts < self.by_rater


def another_rater(
    assumptions: Assumptions, raters: int, costs: Costs = FREE_PROMPTS, rule: str = "vote"
) -> AnotherRater:
    """From `raters` to one more on every prompt, or new prompts with `raters` each that cost as much.

    By the rule "majority" variances are compared in relation to the squared distance of its win rate from one half
    where there is one, since a majority moves both.
    """
    now, more = outcome(assumptions, raters, rule), outcome(assumptions, raters + 1, rule)
    extra = costs.of(1, raters + 1) / costs.of(1, raters) if costs.of(1, raters) else 1.0
    if now.variance == 0:
        return AnotherRater(raters, 1.0, 1 / extra)
    gain = more.variance / now.variance
    if rule == "majority" and abs(now.mean - 0.5) > ALMOST:
        gain *= ((now.mean - 0.5) / (more.mean - 0.5)) ** 2
    return AnotherRater(raters, gain, 1 / extra)


def _plan(
    assumptions: Assumptions,
    raters: int,
    prompts: int,
    rule: str,
    level: float,
    difference: float | None,
    costs: Costs,
) -> Plan:
    found = outcome(assumptions, raters, rule)
    error = math.sqrt(found.variance / prompts)
    return Plan(
        rule=rule,
        raters=raters,
        prompts=prompts,
        win_rate=found.mean,
        standard_error=error,
        width=2 * t_quantile(level, prompts - 1) * error,
        power=None if difference is None else _power(found, prompts, level),
        confidence=level,
        cost=costs.of(prompts, raters),
    )


def _apart(assumptions: Assumptions, difference: float) -> Assumptions:
    most = (1 - assumptions.tie_rate) / 2
    if not 0 < difference <= most + ALMOST:
        raise ValueError(
            f"difference must be above 0 and at most {most:g}, all the room that a tie_rate of "
            f"{assumptions.tie_rate:g} leaves, got {difference:g}"
        )
    return assumptions.at(min(0.5 + difference, 0.5 + most))


def _power(found: Outcome, prompts: int, level: float) -> float:
    distance = abs(found.mean - 0.5)
    if distance < ALMOST:
        return 1 - level
    if found.variance == 0:
        return 1.0
    degrees = prompts - 1
    shift = distance * math.sqrt(prompts / found.variance)
    return float(1 - special.nctdtr(degrees, shift, t_quantile(level, degrees)))


def _fewest(suffices: Callable[[int], bool]) -> int:
    """The smallest number of prompts, 2 or more, from which on it suffices."""
    enough = 2
    while not suffices(enough):
        enough *= 2
        if enough > MOST_PROMPTS:
            raise NoPlanError(f"More than {MOST_PROMPTS:,} prompts would be needed: ask for less.")
    low = enough // 2
    while enough - low > 1:
        middle = (low + enough) // 2
        low, enough = (low, middle) if suffices(middle) else (middle, enough)
    return enough


def _simultaneous(confidence: float, comparisons: int) -> float:
    check_confidence(confidence)
    if comparisons < 1:
        raise ValueError(f"comparisons must be 1 or more, got {comparisons}")
    return 1 - (1 - confidence) / comparisons
