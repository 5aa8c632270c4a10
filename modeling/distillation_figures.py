"""What safety context distillation did, in figures (paper, figure 16 and section 4.2.4): safety scores plain and after
pre-prompts, the share that the gate kept, and the scores of held-out prompts before and after."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from modeling.metrics import accuracy, mean_of

BINS = 20
QUARTERS = 4

Row = dict[str, Any]


def mean(scores: Sequence[float]) -> dict[str, Any]:
    """The mean with its normal 95 % interval, which takes at least two scores."""
    return mean_of(scores)._asdict()


def share(flags: Sequence[bool]) -> dict[str, Any]:
    """The share of True with its Wilson 95 % interval."""
    n, value, low, high = accuracy(flags)
    return {"n": n, "share": value, "low": low, "high": high}


def distributions(scores: dict[str, Sequence[float]]) -> dict[str, Any]:
    """Histograms over common bins: ``edges``, one more than bins, and by name how many scores each bin holds. A bin
    holds its lower edge, the last one both."""
    everything = [score for part in scores.values() for score in part]
    low, high = min(everything), max(everything)
    width = (high - low) / BINS or 1.0
    edges = [low + width * place for place in range(BINS + 1)]
    counts = {name: [0] * BINS for name in scores}
    for name, part in scores.items():
        for score in part:
            counts[name][min(BINS - 1, int((score - low) / width))] += 1
    return {"edges": edges, "counts": counts}


def gate_figures(prompts: Sequence[Row]) -> dict[str, Any]:
    """What the gate let through, of prompts as distill_context.gated gives them: overall, by kind of pre-prompt, by
    risk category, and by how the plain answer scored (figure 16b: quarters of the prompts from the worst plain answer
    up, with the mean gain of the best pre-prompted answer, whether or not it was kept)."""
    kinds = dict.fromkeys(kind for prompt in prompts for kind in prompt["passed"])
    by_kind = {}
    for kind in kinds:
        passed = [prompt["passed"][kind] for prompt in prompts if kind in prompt["passed"]]
        chosen = sum(prompt["chosen"] is not None and prompt["chosen"]["kind"] == kind for prompt in prompts)
        by_kind[kind] = {**share(passed), "chosen": chosen}
    ordered = sorted(prompts, key=lambda prompt: prompt["plain"])
    borders = [round(len(ordered) * place / QUARTERS) for place in range(QUARTERS + 1)]
    quarters = [ordered[start:end] for start, end in itertools.pairwise(borders) if end > start]
    return {
        "kept": share([_is_kept(prompt) for prompt in prompts]),
        "kept_by_kind": by_kind,
        "kept_by_category": _by_category(prompts, lambda part: share([_is_kept(prompt) for prompt in part])),
        "by_plain_score": [
            {
                "from": part[0]["plain"],
                "to": part[-1]["plain"],
                "gain": mean([prompt["best"] - prompt["plain"] for prompt in part if prompt["best"] is not None]),
                "kept": share([_is_kept(prompt) for prompt in part]),
            }
            for part in quarters
        ],
    }


def held_out_figures(before: Sequence[Row], after: Sequence[Row]) -> dict[str, Any]:
    """Mean safety scores of plain answers to the same held-out prompts before and after, what each prompt gained, and
    both by risk category. before and after: scored rows in the same order."""
    gains = [late["score"] - early["score"] for early, late in zip(before, after, strict=True)]

    def means(rows: Sequence[Row]) -> dict[str, Any]:
        return mean([row["score"] for row in rows])

    early, late = _by_category(before, means), _by_category(after, means)
    return {
        "before": means(before),
        "after": means(after),
        "gain": mean(gains),
        "by_category": {category: {"before": early[category], "after": late[category]} for category in early},
    }


def _by_category(rows: Sequence[Row], figure: Callable[[Sequence[Row]], dict[str, Any]]) -> dict[str, dict[str, Any]]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row["category"] or "no category", []).append(row)
    return {category: figure(group) for category, group in groups.items()}


def _is_kept(prompt: Row) -> bool:
    return prompt["chosen"] is not None
