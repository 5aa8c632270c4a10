"""Asking a refusal classifier about answers, stored ones of projects and those of a file."""

import math
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from annotation.models import Project, Response
from evaluation.models import Refusal
from evaluation.safety.refusals import SETS, UNNAMED, Called, answers_of, set_of
from modeling.chat import ChatError
from modeling.checkpoints import CheckpointError
from modeling.json_lines import DataError, read_lines
from modeling.refusal_classifier import RefusalClassifier, digest_of, load_classifier
from modeling.refusal_data import REFUSALS
from modeling.registry.models import ModelVersion
from workers.carrying import JobError
from workers.runs import Report

AT_ONCE = 128


def label_answers(classifier: ModelVersion, projects: Sequence[Project], report: Report) -> int:
    """Store what the classifier says of every answer of the projects of which it has not said it yet; of how many.

    An interrupted labelling goes on where it left off. Raises JobError.
    """
    waiting = list(answers_of(projects).exclude(refusals__model_version=classifier).values_list("pk", flat=True))
    for start in range(0, len(waiting), AT_ONCE):
        report(start / len(waiting), f"{start:,} of {len(waiting):,} answers classified")
        rows = list(Response.objects.filter(pk__in=waiting[start : start + AT_ONCE]).select_related("prompt"))
        logits = logits_of(classifier, [(row.prompt.text, row.text) for row in rows])
        Refusal.objects.bulk_create(
            (
                Refusal(model_version=classifier, response=row, logit=logit)
                for row, logit in zip(rows, logits, strict=True)
            ),
            ignore_conflicts=True,
        )
    return len(waiting)


def called_in_file(classifier: ModelVersion, path: Path) -> list[Called]:
    """What the classifier says of the answers of a file: JSON lines {"prompt", "response"} and perhaps "model", "set"
    (helpfulness, borderline or adversarial), "category", "risk_category" and a person's "refusal". Raises JobError."""

    def parse(row: dict[str, object], where: str) -> tuple[Called, str]:
        for name in ("prompt", "response"):
            if not isinstance(row.get(name), str):
                raise DataError(f"{where}: {name} must be a text, got {row.get(name)!r:.60}")
        category, risk = str(row.get("category") or ""), str(row.get("risk_category") or "")
        prompt_set = str(row.get("set") or set_of(category, risk, False))
        if prompt_set not in SETS:
            raise DataError(f"{where}: set must be one of {', '.join(SETS)}, got {prompt_set!r}")
        refusal = row.get("refusal")
        if isinstance(refusal, bool):
            refusal = "full" if refusal else "none"
        if refusal not in (None, *REFUSALS):
            raise DataError(f"{where}: refusal must be true, false or one of {', '.join(REFUSALS)}, got {refusal!r}")
        model = str(row.get("model") or UNNAMED)
        called = Called(model, str(row["prompt"]), prompt_set, risk or category, 0.0, str(refusal or ""))
        return called, str(row["response"])

    try:
        found = read_lines(path, parse, what="answers", fields="prompt and response")
    except DataError as error:
        raise JobError(str(error)) from error
    logits = logits_of(classifier, [(called.prompt, response) for called, response in found])
    return [
        Called(each.model, each.prompt, each.prompt_set, each.category, logit, each.refusal)
        for (each, _), logit in zip(found, logits, strict=True)
    ]


def logits_of(classifier: ModelVersion, exchanges: Sequence[tuple[str, str]]) -> list[float]:
    try:
        logits = loaded(Path(classifier.path), classifier.digest).logits(exchanges)
    except (CheckpointError, ChatError) as error:
        raise JobError(f"{classifier}: {error}") from error
    if not all(map(math.isfinite, logits)):
        raise JobError(f"{classifier} gives figures that are not finite numbers: its training went wrong.")
    return logits


@lru_cache(2)
def loaded(folder: Path, registered: str) -> RefusalClassifier:
    if (found := digest_of(folder)) != registered:
        raise CheckpointError(
            f"{folder} changed since it was registered (digest {found[:12]}, registered {registered[:12]}); train anew"
        )
    return load_classifier(folder)
