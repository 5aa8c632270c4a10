"""The report as a whole: what it says of the campaign, and the figures of each section."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import TYPE_CHECKING, Any, cast

from evaluation.reports.material import Reliability
from evaluation.statistics.bradley_terry import Leaderboard
from evaluation.statistics.estimates import Estimate

if TYPE_CHECKING:  # the sections know the report, and it knows the shape of what the headline and the command speak of
    from evaluation.reports.sections.histogram import Bin
    from evaluation.reports.sections.judges import JudgeReport
    from evaluation.reports.sections.pairs import PairReport
    from evaluation.reports.sections.raters import RaterReport
    from evaluation.reports.sections.slices import SliceReport


@dataclass(frozen=True)
class Durations:
    """Seconds that a judgement took; None where no time was taken."""

    votes: int
    lower_quartile: float | None
    median: float | None
    upper_quartile: float | None


@dataclass(frozen=True)
class Report:
    """Everything that the report page, the command and the downloads show. Rates are parts of 1.

    graded: votes have seven points; otherwise each is a side alone. judged: items with a vote or more. complete:
    items that have all votes. left_share: of the votes for one of two answers, those for the answer on the left.
    """

    campaign: str
    name: str
    dimension: str
    made_at: str
    raters_per_item: int
    settings: Mapping[str, Any]
    graded: bool
    imported: bool
    items: int
    judged: int
    complete: int
    left_out: int
    prompts: int
    votes: int
    places: int
    unusable: int
    models: tuple[str, ...]
    seconds: Durations
    left_share: Estimate
    figures: Mapping[str, Any] = field(default_factory=dict)
    """Of each section that has some, by its key, in the page's order."""

    @property
    def pairs(self) -> "tuple[PairReport, ...]":
        return cast("tuple[PairReport, ...]", self.figures["pairs"])

    @property
    def leaderboard(self) -> Leaderboard:
        return cast(Leaderboard, self.figures["leaderboard"])

    @property
    def reliability(self) -> Reliability:
        return cast(Reliability, self.figures["reliability"])

    @property
    def histogram(self) -> "tuple[Bin, ...]":
        return cast("tuple[Bin, ...]", self.figures["histogram"])

    @property
    def slices(self) -> "tuple[SliceReport, ...]":
        """The best model against all others; the first slice holds all prompts."""
        return cast("tuple[SliceReport, ...]", self.figures["slices"])

    @property
    def raters(self) -> "tuple[RaterReport, ...]":
        return cast("tuple[RaterReport, ...]", self.figures["raters"])

    @property
    def judges(self) -> "tuple[JudgeReport, ...]":
        return cast("tuple[JudgeReport, ...]", self.figures["judges"])

    def as_json(self) -> dict[str, Any]:
        """What is said of the campaign, then each section's figures under its key."""
        facts = {field.name: plain(getattr(self, field.name)) for field in fields(self) if field.name != "figures"}
        return facts | {key: plain(figures) for key, figures in self.figures.items()}


def plain(value: Any) -> Any:
    """For JSON: dataclasses as mappings, tuples as lists."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value
