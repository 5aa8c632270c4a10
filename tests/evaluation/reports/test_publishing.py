"""A published report never changes, whatever becomes of what it was made from."""

import csv
import io
import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse

from annotation.models import Preference
from annotation.reviewing import review
from evaluation.campaigns import create_campaign
from evaluation.models import Campaign, PublishedError, Report
from evaluation.reporting import compute, gather
from evaluation.reports.publishing import PublishingError, changed_since, first_difference, publish
from evaluation.reports.rendering import as_json
from evaluation.reports.snapshot import SnapshotError, freeze, thaw
from tests.evaluation.reports.judged import judge, judged_campaign, score
from tests.factories import make_model, make_pair, make_user

pytestmark = pytest.mark.django_db

MAKE_AGAIN = """
import sys
import django
django.setup()
from evaluation.reports.publishing import rendered
from pathlib import Path
folder = Path(sys.argv[1])
made = rendered((folder / "snapshot").read_bytes(), sys.argv[2])
for part in ("html", "json", "csv"):
    (folder / part).write_text(getattr(made, part), encoding="utf-8", newline="")
"""


@pytest.fixture
def campaign() -> Campaign:
    return judged_campaign()


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("evaluate", *arguments, stdout=out)
    return out.getvalue()


def test_another_process_elsewhere_in_the_world_makes_the_same_bytes(campaign: Campaign, tmp_path: Path) -> None:
    score(campaign, make_model("judge", kind="helpfulness_reward"))
    report = publish(campaign)
    (tmp_path / "snapshot").write_bytes(report.snapshot)
    elsewhere = {"TZ": "Asia/Kathmandu", "PYTHONHASHSEED": "4711", "LANG": "de_DE.UTF-8", "LC_ALL": "de_DE.UTF-8"}
    command = [sys.executable, "-c", MAKE_AGAIN, str(tmp_path), report.digest]
    environment = os.environ | elsewhere | {"DJANGO_SETTINGS_MODULE": "tests.settings", "LANGUAGE_CODE": "de"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for part in ("html", "json", "csv"):
        assert (tmp_path / part).read_bytes() == getattr(report, part).encode()


def test_a_snapshot_holds_everything_and_its_digest_is_of_the_content(campaign: Campaign) -> None:
    score(campaign, make_model("judge", kind="helpfulness_reward"))
    material = gather(campaign)
    snapshot, digest = freeze(material)
    again = thaw(snapshot, digest)
    assert freeze(again) == (snapshot, digest)
    assert again.facts == material.facts
    assert compute(again) == compute(material)
    assert as_json(compute(again)) == as_json(compute(material))  # the order, too
    assert again.ballots.votes.tolist() == material.ballots.votes.tolist()
    assert again.ballots.labels["category"].tolist() == material.ballots.labels["category"].tolist()
    with pytest.raises(SnapshotError, match="expected 00"):
        thaw(snapshot, "00")
    with pytest.raises(SnapshotError, match="can't be read"):
        thaw(b"no snapshot", digest)


def test_what_comes_later_changes_nothing_in_it(campaign: Campaign) -> None:
    first = publish(campaign, by="ana", note="Before the review.")
    place = campaign.project.assignments.filter(status="submitted").first()
    assert place
    review(place, make_user("reviewer"), "rejected", "Random clicks.")
    campaign.name = "Renamed"
    campaign.save()
    second = publish(campaign)
    assert (first.number, second.number) == (1, 2)
    assert json.loads(first.json)["votes"] == 36 and json.loads(second.json)["votes"] == 35
    Preference.objects.filter(comparison__project=campaign.project).delete()
    assert Report.objects.get(number=1).html == first.html
    assert first_difference(Report.objects.get(number=1)) == ""
    assert "Before the review" not in first.html  # a note is about the report, and no part of it


def test_it_can_neither_be_changed_nor_removed(campaign: Campaign) -> None:
    report = publish(campaign)
    report.json = "{}"
    with pytest.raises(PublishedError, match="spring/v1 is published"):
        report.save()
    with pytest.raises(PublishedError):
        report.delete()
    with pytest.raises(PublishedError):
        Report.objects.all().delete()
    with pytest.raises(PublishedError):
        Report.objects.update(note="")


def test_the_database_itself_refuses_a_change(campaign: Campaign) -> None:
    publish(campaign)
    with pytest.raises(DatabaseError, match="never changes"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE evaluation_report SET json = '{}'")


def test_a_difference_is_told_by_its_first_line(campaign: Campaign) -> None:
    report = publish(campaign)
    report.json = report.json.replace('"votes": 36', '"votes": 37', 1)
    assert "published '\"votes\": 37,', now '\"votes\": 36,'" in first_difference(report)


def test_the_terminal_publishes_and_rebuilds(campaign: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    figures = json.loads(run("publish", "--campaign", "spring").splitlines()[-1])
    assert figures["report"] == "spring/v1" and len(figures["digest"]) == 64
    assert "to the same bytes" in run("rebuild", "--report", "spring/v1")
    with pytest.raises(CommandError, match=r'no published report "spring/v9".*spring/v1'):
        run("rebuild", "--report", "spring/v9")
    with pytest.raises(CommandError, match=r'no campaign "autumn"'):
        run("publish", "--campaign", "autumn")
    monkeypatch.setattr("evaluation.reports.rendering.as_json", lambda report: as_json(report).replace("36", "35"))
    with pytest.raises(CommandError, match=r"comes out otherwise than it was published\. JSON, line"):
        run("rebuild", "--report", "spring/v1")


def test_nothing_is_published_before_anybody_has_judged() -> None:
    empty = create_campaign("empty", "Empty", [make_model(), make_model()])
    with pytest.raises(PublishingError, match='"empty" has no judgements yet'):
        publish(empty)
    client = Client()
    client.force_login(make_user("manager"))
    said = client.post(reverse("campaign-publish", args=["empty"]), follow=True).content.decode()
    assert "has no judgements yet" in said
    assert not Report.objects.exists()


def test_a_manager_publishes_from_the_page_and_finds_every_version(campaign: Campaign) -> None:
    client = Client()
    client.force_login(make_user("manager", username="mona"))
    shown = client.post(reverse("campaign-publish", args=["spring"]), {"note": "Go."}, follow=True).content.decode()
    assert "Version 1, published by mona" in shown and "It never changes. Go." in shown
    live = client.get(reverse("campaign-report", args=["spring"])).content.decode()
    assert "Since version 1: Nothing has changed." in live
    table = client.get(reverse("published-report-csv", args=["spring", 1])).content.decode()
    assert next(csv.reader(io.StringIO(table)))[:3] == ["judge", "part", "model"]
    kept = client.get(reverse("published-report-json", args=["spring", 1])).content.decode()
    assert kept == Report.objects.get().json
    assert client.get(reverse("published-report", args=["spring", 2])).status_code == 404
    assert client.post(reverse("campaign-publish", args=["spring"]), {"note": "x" * 501}).status_code == 302
    assert Report.objects.count() == 1


@pytest.mark.parametrize("role", ["annotator", "reviewer"])
def test_who_judges_never_sees_a_published_report(campaign: Campaign, role: str) -> None:
    publish(campaign)
    client = Client()
    client.force_login(make_user(role))
    for name in ("published-report", "published-report-json", "published-report-csv"):
        assert client.get(reverse(name, args=["spring", 1])).status_code == 403


def test_what_changed_since_is_said_in_a_sentence(campaign: Campaign) -> None:
    before = publish(campaign).json
    x, y = campaign.model_versions.order_by("name")[:2]
    raters = [make_user() for _ in range(3)]
    for _ in range(2):
        judge(make_pair(campaign.project, x, y), raters, (7, 7, 7))
    said = changed_since(before, publish(campaign).json)
    # x took 1, 0, 0.5 and 1 of four items of the pair; two lost ones make 2.5 of six.
    assert said.startswith("6 votes more; 2 judged items more")
    assert "spring-x against spring-y went from 62 % to 42 %" in said or "spring-y against spring-x" in said
