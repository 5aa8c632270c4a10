"""The report as files for other programs."""

import csv
import io
import json

import pytest
from django.test import Client
from django.urls import reverse

from evaluation.campaigns import create_campaign
from evaluation.models import Campaign
from tests.factories import make_judgement, make_model, make_pair, make_prompt, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign() -> Campaign:
    x, y = make_model("x-model"), make_model("y-model")
    campaign = create_campaign("spring", "Spring", [x, y], raters_per_item=1)
    prompt = make_prompt(campaign.project, category='=HYPERLINK("http://evil")')
    make_judgement(make_pair(campaign.project, x, y, prompt), make_user(), 1)
    make_judgement(make_pair(campaign.project, x, y), make_user(), 1)
    return campaign


def download(name: str) -> str:
    client = Client()
    client.force_login(make_user("manager"))
    response = client.get(reverse(name, args=["spring"]))
    assert response["Content-Disposition"].startswith('attachment; filename="spring-report.')
    return response.content.decode()


def test_csv_has_a_figure_on_each_line(campaign: Campaign) -> None:
    rows = list(csv.DictReader(io.StringIO(download("campaign-report-csv"))))
    (won,) = [row for row in rows if (row["part"], row["figure"]) == ("pair", "win")]
    assert (won["judge"], won["model"], won["against"]) == ("raters", "x-model", "y-model")
    assert (won["value"], won["n"]) == ("1.0", "2")


def test_an_undefined_figure_is_an_empty_cell_with_its_reason(campaign: Campaign) -> None:
    rows = list(csv.DictReader(io.StringIO(download("campaign-report-csv"))))
    (agreement,) = [row for row in rows if (row["part"], row["figure"]) == ("campaign", "ac2")]
    assert agreement["value"] == ""
    assert "no item was rated by two raters" in agreement["note"]


def test_a_label_from_an_upload_is_no_formula_in_a_spreadsheet(campaign: Campaign) -> None:
    labels = {row["label"] for row in csv.DictReader(io.StringIO(download("campaign-report-csv")))}
    assert '\'=HYPERLINK("http://evil")' in labels
    assert not any(label.startswith("=") for label in labels)


def test_json_says_null_where_a_figure_is_undefined(campaign: Campaign) -> None:
    text = download("campaign-report-json")
    assert "NaN" not in text
    assert json.loads(text)["reliability"]["ac2"]["value"] is None
