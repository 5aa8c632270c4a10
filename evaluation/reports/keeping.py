"""The report as it is shown: made once, and again when something that it is made from has changed."""

from evaluation.models import Campaign, KeptReport
from evaluation.reporting import report
from evaluation.reports.freshness import fingerprint
from evaluation.reports.rendering import render


def current(campaign: Campaign) -> KeptReport:
    """The campaign's report as it stands now.

    The mark is taken before the rows are read: what comes in between makes the report newer than its mark says, so
    that it is made once more and never shown stale.
    """
    mark = fingerprint(campaign)
    kept = KeptReport.objects.filter(campaign=campaign, fingerprint=mark).first()
    if kept:
        return kept
    made = render(report(campaign), live=True)
    texts = {"html": made.html, "json": made.json, "csv": made.csv}
    kept, _ = KeptReport.objects.update_or_create(campaign=campaign, defaults={"fingerprint": mark} | texts)
    return kept
