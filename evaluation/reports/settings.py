"""How a campaign was run, for the method: what its answers were sampled with and what its raters were told."""

from typing import Any

from django.db.models import Count

from annotation.models import Preference
from evaluation.campaigns import responses_of
from evaluation.models import Campaign

CONFIDENCE = 0.95


def settings_of(campaign: Campaign) -> dict[str, Any]:
    """sampling: each combination that occurs, with its number of answers; None where an import gave none. guidelines:
    the versions under which judgements were made. scales: their numbers of points."""
    columns = ("temperature", "top_p", "max_new_tokens")
    sampled = responses_of(campaign.project).order_by().values(*columns).annotate(answers=Count("pk"))
    said = Preference.objects.filter(comparison__project=campaign.project, current=True).order_by()
    scales = said.exclude(points=None).values_list("scale", flat=True).distinct()
    guidelines = said.exclude(guideline=None).values_list("guideline__number", flat=True).distinct()
    return {
        "confidence": CONFIDENCE,
        "guidelines": sorted(guidelines),
        "sampling": sorted(sampled, key=lambda row: [(row[name] is not None, row[name] or 0) for name in columns]),
        "scales": sorted(scales),
    }


def sampling_said(settings: Any) -> str:
    """The sampling parameters in a sentence."""
    known = [row for row in settings.get("sampling", ()) if row["temperature"] is not None]
    if not known:
        return "How the answers were sampled is not recorded." if settings.get("sampling") else ""
    said = [
        f"temperature {row['temperature']:g}"
        + (f", top-p {row['top_p']:g}" if row["top_p"] is not None else "")
        + (f", at most {row['max_new_tokens']} new tokens" if row["max_new_tokens"] is not None else "")
        for row in known
    ]
    counted = zip(said, known, strict=True)
    if len(known) == 1 and len(settings["sampling"]) == 1:
        return f"All answers were sampled at {said[0]}."
    return "Answers were sampled at " + "; ".join(f"{how} ({row['answers']:,} answers)" for how, row in counted) + "."


def said_of(settings: Any) -> tuple[str, ...]:
    """Every sentence that the settings have to say."""
    sentences = scale_said(settings), guideline_said(settings), sampling_said(settings)
    return tuple(filter(None, sentences))


def scale_said(settings: Any) -> str:
    scales = settings.get("scales", ())
    if not scales:
        return ""
    if len(scales) == 1:
        return f"Their scale had {scales[0]} points."
    return f"Their scales had {', '.join(map(str, scales[:-1]))} and {scales[-1]} points."


def guideline_said(settings: Any) -> str:
    numbers = settings.get("guidelines", ())
    if not numbers:
        return ""
    listed = ", ".join(str(number) for number in numbers)
    return f"Raters worked under version{'s' if len(numbers) > 1 else ''} {listed} of the guideline."
