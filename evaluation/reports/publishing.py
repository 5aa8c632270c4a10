"""Publishing a report: a version that never changes, with the snapshot that it can be made from again."""

import json
from datetime import datetime
from itertools import zip_longest
from typing import Any

from django.db import transaction

from evaluation.models import Campaign, Report
from evaluation.reporting import compute, gather
from evaluation.reports.rendering import Rendered, render, software
from evaluation.reports.snapshot import freeze, thaw
from evaluation.wording import count, percent

PARTS = ("json", "csv", "html")


class PublishingError(ValueError):
    """There is nothing to publish; says why."""


@transaction.atomic
def publish(campaign: Campaign, by: str = "", note: str = "") -> Report:
    """The next version of the campaign's report, rendered from its own snapshot. Raises PublishingError."""
    Campaign.objects.select_for_update().get(pk=campaign.pk)  # who publishes at the same time gets the next number
    material = gather(campaign)
    if not material.ballots.cast.any():
        raise PublishingError(f'"{campaign.slug}" has no judgements yet: a report is published when it says something.')
    snapshot, digest = freeze(material)
    made = rendered(snapshot, digest)
    latest = campaign.reports.order_by("-number").values_list("number", flat=True).first()
    return Report.objects.create(
        campaign=campaign,
        number=(latest or 0) + 1,
        as_of=datetime.fromisoformat(material.facts.made_at),
        published_by=by,
        note=note.strip(),
        software=software(),
        digest=digest,
        snapshot=snapshot,
        html=made.html,
        json=made.json,
        csv=made.csv,
    )


def rendered(snapshot: bytes, digest: str) -> Rendered:
    """A report from its snapshot and nothing else. Raises SnapshotError."""
    return render(compute(thaw(snapshot, digest)), live=False)


def first_difference(report: Report) -> str:
    """Where a report made again from its snapshot differs from what was published; empty where every byte is the same.

    Raises SnapshotError where the snapshot is damaged.
    """
    again = rendered(bytes(report.snapshot), report.digest)
    for part in PARTS:
        published, made = getattr(report, part), getattr(again, part)
        if published != made:
            lines = zip_longest(published.split("\n"), made.split("\n"), fillvalue="(no line)")
            number, (old, new) = next((n, pair) for n, pair in enumerate(lines, 1) if pair[0] != pair[1])
            return f"{part.upper()}, line {number}: published {old.strip()!r}, now {new.strip()!r}"
    return ""


def find_report(name: str) -> Report:
    """By its name, "spring/v2". Raises Report.DoesNotExist, whose message says what there is."""
    slug, _, number = name.partition("/v")
    found = Report.objects.filter(campaign__slug=slug, number=int(number)).first() if number.isdecimal() else None
    if found:
        return found
    there = ", ".join(str(report) for report in Report.objects.select_related("campaign").defer("snapshot", "html"))
    raise Report.DoesNotExist(
        f'There is no published report "{name}"; a name is like spring/v1. Published: {there or "none yet"}.'
    )


def changed_since(published: str, live: str) -> str:
    """What a live report has that a published one (both as JSON) had not, in a sentence."""
    before, now = json.loads(published), json.loads(live)
    said = []
    if before["name"] != now["name"]:
        said.append(f"it was called {before['name']}")
    for what, one, many in (("votes", "vote", "votes"), ("judged", "judged item", "judged items")):
        more = now[what] - before[what]
        if more:
            said.append(f"{count(abs(more), one, many)} {'more' if more > 0 else 'fewer'}")
    if before["models"] != now["models"] and sorted(before["models"]) == sorted(now["models"]):
        said.append("the order of the models is another")
    said += [f"{model} is new" for model in now["models"] if model not in before["models"]]
    said += list(_moved(before, now))
    if not said:
        same = _figures(before) == _figures(now)
        return "Nothing has changed." if same else "The counts are the same; some figures have changed."
    return "; ".join(said).capitalize() + "."


def _moved(before: dict[str, Any], now: dict[str, Any]) -> Any:
    """Win rates of pairs that read another way than before."""
    old = {(pair["first"], pair["second"]): pair["by_item"]["win_rate"]["value"] for pair in before["pairs"]}
    for pair in now["pairs"]:
        key, value = (pair["first"], pair["second"]), pair["by_item"]["win_rate"]["value"]
        was = old.get(key)
        if was is None and (key[1], key[0]) in old:
            turned = old[key[1], key[0]]
            was = None if turned is None else 1 - turned
        if was is not None and value is not None and percent(was) != percent(value):
            yield f"{key[0]} against {key[1]} went from {percent(was)} to {percent(value)}"


def _figures(report: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in report.items() if key != "made_at"}
