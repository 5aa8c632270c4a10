"""What judge models said about a campaign's pairs, as arrays beside its ballots.

Preferences are oriented as votes are: above one half for the model whose name comes first in the alphabet.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db.models import Count, Max, Q, Sum
from django.db.models.functions import Length

from evaluation.campaigns import responses_of
from evaluation.judging import Ballots
from evaluation.models import Campaign, Judgement, JudgeTemplate
from evaluation.statistics.arrays import FloatArray
from modeling.registry.models import ModelVersion

ROUNDING = 1e-9


@dataclass(frozen=True)
class Asked:
    """A judge and a template: who was asked what, and what became of the replies."""

    judge: str
    template: str
    digest: str
    imported: bool
    """Whether a file brought the verdicts, and nobody was asked here."""
    points: int | None
    replies: int
    """All attempts, those that could not be read among them."""
    failures: int
    prompt_tokens: int
    completion_tokens: int
    cost: float | None
    competitors: tuple[str, ...]
    """Models of the campaign that are the judge itself, by name, weights or endpoint."""

    @property
    def name(self) -> str:
        return f"{self.judge}, {self.template}"


@dataclass(frozen=True, eq=False)
class Verdicts:
    """n items, k samples; preferences for the first model, NaN where missing."""

    shown_first: FloatArray
    """(n, k) where the first model's answer was shown first."""
    shown_second: FloatArray
    """(n, k) where it was shown second."""

    @property
    def preference(self) -> FloatArray:
        """(n,) the mean of both orders, each the mean of its samples: no order weighs more than the other."""
        return mean_of(np.column_stack([mean_of(self.shown_first), mean_of(self.shown_second)]))

    @property
    def sides(self) -> FloatArray:
        """(n,) 1, 0, -1, NaN where missing; a verdict that turns with the order is a tie."""
        return sides_of(self.preference)

    @property
    def repeated(self) -> FloatArray:
        """(2n, k) the sides that each question got, a sample each."""
        return sides_of(np.concatenate([self.shown_first, self.shown_second]))


def mean_of(values: FloatArray) -> FloatArray:
    """The mean of each row's numbers; NaN where there is none."""
    there = ~np.isnan(values)
    total = np.where(there, values, 0.0).sum(axis=1)
    return np.divide(total, there.sum(axis=1), out=np.full(len(values), np.nan), where=there.any(axis=1))


def sides_of(preferences: FloatArray) -> FloatArray:
    distance = preferences - 0.5
    return np.where(np.abs(distance) < ROUNDING, 0.0, np.sign(distance))


def collect_verdicts(campaign: Campaign) -> dict[str, Any]:
    """What the campaign's judges said about pairs: `asked`, a dict of each judge and template, and by its place in that
    list the arrays of its judgements (the last attempt of each question); the lengths of all responses."""
    responses = responses_of(campaign.project)
    spoken = Judgement.objects.filter(first__in=responses, second__in=responses)
    models = list(campaign.model_versions.all())
    found: dict[str, Any] = {
        "asked": [], "first": [], "second": [], "sample": [], "preference": [],
    }  # fmt: skip
    for judge, template in _pairs_of(spoken):
        own = spoken.filter(judge=judge, template=template)
        last = {}
        rows = own.order_by("attempt", "pk").values_list("first", "second", "sample", "preference")
        for first, second, sample, preference in rows:
            last[first, second, sample] = np.nan if preference is None else preference
        keys = sorted(last)
        columns = np.array(keys, dtype=np.int64).reshape(-1, 3)
        found["asked"].append(_asked(judge, template, own, models))
        for place, name in enumerate(("first", "second", "sample")):
            found[name].append(columns[:, place])
        found["preference"].append(np.array([last[key] for key in keys], dtype=np.float64))
    sizes = dict(responses.order_by("pk").values_list("pk", Length("text"))) if found["asked"] else {}
    found["responses"] = np.array(list(sizes), dtype=np.int64)
    found["characters"] = np.array(list(sizes.values()), dtype=np.int64)
    return found


def fingerprint(campaign: Campaign) -> str:
    """A judgement is never changed, only added or removed with its response."""
    spoken = Judgement.objects.filter(first__in=responses_of(campaign.project))
    return repr(sorted(spoken.values_list("judge", "template").annotate(Count("pk"), Max("pk"))))


def _pairs_of(spoken: Any) -> list[tuple[ModelVersion, JudgeTemplate]]:
    keys = spoken.order_by("judge__name", "template__name", "template").values_list("judge", "template").distinct()
    pairs = [(judge, template) for judge, template in keys]
    judges = ModelVersion.objects.in_bulk([judge for judge, _ in pairs])
    templates = JudgeTemplate.objects.in_bulk([template for _, template in pairs])
    return [(judges[judge], templates[template]) for judge, template in pairs]


def _asked(judge: ModelVersion, template: JudgeTemplate, own: Any, models: list[ModelVersion]) -> dict[str, Any]:
    counted = own.aggregate(
        replies=Count("pk"),
        failures=Count("pk", filter=~Q(failure="")),
        prompt_tokens=Sum("prompt_tokens", default=0),
        completion_tokens=Sum("completion_tokens", default=0),
        cost=Sum("cost"),
    )
    return {
        "judge": judge.name,
        "template": template.name,
        "digest": template.digest,
        "imported": template.imported,
        "points": template.points,
        "competitors": [model.name for model in models if is_same_model(judge, model)],
        **counted,
    }


def is_same_model(one: ModelVersion, other: ModelVersion) -> bool:
    """By row, by weights or by endpoint."""
    served = bool(one.remote_model) and (one.base_url, one.remote_model) == (other.base_url, other.remote_model)
    return one.pk == other.pk or served or (bool(one.digest) and one.digest == other.digest)


def verdicts_of(ballots: Ballots, found: Mapping[str, Any], place: int) -> Verdicts:
    """The verdicts of the judge and template at `place`, laid out as the ballots are."""
    columns = [found[name][place].tolist() for name in ("first", "second", "sample", "preference")]
    samples = max(columns[2], default=0) + 1
    said = {(first, second, sample): value for first, second, sample, value in zip(*columns, strict=True)}
    shape = (len(ballots), samples)
    first, second = np.full(shape, np.nan), np.full(shape, np.nan)
    for row, (one, other) in enumerate(ballots.responses.tolist()):
        for sample in range(samples):
            first[row, sample] = said.get((one, other, sample), np.nan)
            second[row, sample] = 1 - said.get((other, one, sample), np.nan)
    return Verdicts(first, second)


def asked_at(found: Mapping[str, Any], place: int) -> Asked:
    stored = found["asked"][place]
    return Asked(**{**stored, "competitors": tuple(stored["competitors"])})


def lengths_of(ballots: Ballots, found: Mapping[str, Any]) -> FloatArray:
    """(n, 2) characters of both responses."""
    places = np.searchsorted(found["responses"], ballots.responses)
    return np.asarray(found["characters"][places], dtype=np.float64).reshape(-1, 2)
