"""Rates of refusal by a classifier of known error, on the page and by hand."""

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from annotation.models import Project, Response
from evaluation.models import Refusal
from evaluation.safety.refusal_wording import read_refusals
from evaluation.safety.refusals import Called, called_in, rates_of, refusal_report, set_of
from evaluation.statistics.misclassification import Errors, rogan_gladen
from modeling.registry.models import ModelVersion
from tests.factories import make_item, make_model, make_project, make_prompt, make_user

ERRORS = Errors(true_positives=90, false_positives=5, true_negatives=95, false_negatives=10)
SHARE = {"n": 100, "accuracy": 0.95, "low": 0.9, "high": 0.98}


def classifier(**figures: object) -> ModelVersion:
    known = dict.fromkeys(("accuracy", "precision", "recall", "specificity"), SHARE)
    return make_model(
        "refusals-1",
        kind=ModelVersion.Kind.CLASSIFIER,
        figures={**known, "errors": vars(ERRORS), "counted": "any", "measured_on": "test data", **figures},
    )


def called(model: str, prompt_set: str, logit: float, **fields: str) -> Called:
    return Called(
        model, fields.pop("prompt", str(len(fields))), prompt_set, fields.pop("category", ""), logit, **fields
    )


def test_rates_are_by_model_set_and_category() -> None:
    said = [
        called("m", "borderline", 1.0, prompt="1", category="borderline homonyms"),
        called("m", "borderline", -1.0, prompt="2", category="borderline homonyms"),
        called("m", "borderline", 2.0, prompt="3", category="borderline privacy"),
        called("m", "helpfulness", -1.0, prompt="4"),
        called("other", "helpfulness", 1.0, prompt="4"),
    ]
    found = {(rate.model, rate.prompt_set, rate.category): rate for rate in rates_of(said, ERRORS)}
    assert {key: (rate.refused, rate.answers) for key, rate in found.items()} == {
        ("m", "helpfulness", ""): (0, 1),
        ("m", "borderline", ""): (2, 3),
        ("m", "borderline", "borderline homonyms"): (1, 2),
        ("m", "borderline", "borderline privacy"): (1, 1),
        ("other", "helpfulness", ""): (1, 1),
    }
    assert found["m", "borderline", ""].corrected == rogan_gladen(2, 3, ERRORS)
    assert found["m", "borderline", ""].full is None


def test_peoples_verdicts_stand_beside_where_all_answers_have_one() -> None:
    said = [
        called("m", "borderline", 1.0, prompt=str(number), refusal=refusal)
        for number, refusal in enumerate(("full", "partial", "none", "none"))
    ]
    (rate,) = rates_of(said, ERRORS)
    assert rate.full is not None and rate.partial is not None
    assert (rate.full.value, rate.partial.value) == (0.25, 0.25)


def test_answers_to_one_prompt_are_not_independent() -> None:
    said = [called("m", "helpfulness", 1.0 if number < 6 else -1.0, prompt=str(number // 3)) for number in range(12)]
    (rate,) = rates_of(said, ERRORS)
    trials = 12 / (44 / 12)  # see test_clustered_proportions
    assert rate.corrected == rogan_gladen(trials / 2, trials, ERRORS)


@pytest.mark.parametrize(
    ("category", "risk", "is_safety", "expected"),
    [
        ("cooking", "", False, "helpfulness"),
        ("Borderline homonyms", "", True, "borderline"),
        ("", "unqualified advice", False, "adversarial"),
        ("", "", True, "adversarial"),
    ],
)
def test_prompts_are_of_three_sets(category: str, risk: str, is_safety: bool, expected: str) -> None:
    assert set_of(category, risk, is_safety) == expected


@pytest.mark.django_db
def test_a_projects_answers_and_the_page(client: Client) -> None:
    model, policy = classifier(), make_model("guide")
    project = make_project(slug="quality", task_type=Project.TaskType.QUALITY_RATING)
    for number in range(4):
        prompt = make_prompt(project, category="borderline" if number else "cooking")
        response = Response.objects.create(prompt=prompt, text="No.", model_version=policy)
        make_item(project, prompt, response_1=response)
        Refusal.objects.create(model_version=model, response=response, logit=1.0 if number == 1 else -1.0)
    said = called_in([project], model)
    assert [(each.model, each.prompt_set, each.logit) for each in said][:2] == [
        ("guide", "helpfulness", -1.0),
        ("guide", "borderline", 1.0),
    ]
    client.force_login(make_user("manager"))
    assert "4 answers classified" in client.get("/safety/").content.decode()
    page = client.get("/safety/report/?project=quality").content.decode()
    assert "guide refuses 33.3 % of borderline prompts" in page
    assert "Refusals, by refusals-1" in page
    table = client.get("/safety/report.csv?project=quality").content.decode()
    assert "refusals,borderline,guide,refusals-1,refusal_rate_corrected" in table


@pytest.mark.django_db
def test_a_model_of_unknown_error_says_nothing() -> None:
    with pytest.raises(ValidationError, match="no refusal classifier of measured error"):
        refusal_report(make_model("policy"), [])
    unmeasured = classifier(recall={"n": 0, "accuracy": None, "low": None, "high": None})
    assert "never measured" in read_refusals(refusal_report(unmeasured, []))


@pytest.mark.django_db
def test_small_rates_are_read_with_care() -> None:
    found = refusal_report(classifier(), [called("m", "helpfulness", -1.0)])
    assert "its false alarms alone explain them" in read_refusals(found)
