"""What a section of a report is; the package's docstring says how to add one."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from evaluation.models import Campaign
from evaluation.reports.lines import Line
from evaluation.reports.material import Material
from evaluation.reports.report import Report
from evaluation.reports.resampling import Resampled, Resampling

F = TypeVar("F")


@dataclass(frozen=True)
class Reading:
    """A figure in plain words: what it `says`, and the `caveat`, what it does not say or how sure it is."""

    says: str
    caveat: str = ""


@dataclass(frozen=True)
class Source:
    """Rows that a section needs beyond the raters' judgements.

    collect: arrays of numbers or text, and plain values that JSON can write, by name. fingerprint: text that is cheap
    to get and differs whenever what `collect` returns may differ.
    """

    collect: Callable[[Campaign], Mapping[str, Any]]
    fingerprint: Callable[[Campaign], str]


@dataclass(frozen=True)
class Section(Generic[F]):
    """key: names the section in JSON, in addresses (#key) and its template part. title: may depend on the figures.

    figures: from the material alone; None where there is nothing to show. in_page: whether what there is deserves a
    card on the page (the figures are in the downloads in any case). resample: figures that drawing the prompts anew
    gives intervals to; each line that it makes is named as in `lines`.
    """

    key: str
    title: str | Callable[[F, Report], str]
    figures: Callable[[Material], F | None]
    read: Callable[[F, Report], Reading]
    drawn: Callable[[F, Report], Mapping[str, Any]]
    method: Callable[[F, Report], str]
    lines: Callable[[F, Report], Iterator[Line]]
    source: Source | None = None
    in_page: Callable[[F, Report], bool] = lambda figures, report: report.votes > 0
    resample: Callable[[Resampling], Iterator[Resampled]] | None = None

    @property
    def template(self) -> str:
        return f"evaluation/sections/{self.key}.html"

    def heading(self, figures: F, report: Report) -> str:
        return self.title if isinstance(self.title, str) else self.title(figures, report)
