"""The page of the loop's iterations: the figure, the table, the stages, and who may see it."""

import pytest
from django.test import Client
from django.urls import reverse

from evaluation.models import Iteration, Stage
from modeling.registry.models import Job, Run
from tests.factories import make_model, make_project, make_user

pytestmark = pytest.mark.django_db
RATE = {"value": 0.6, "low": 0.55, "high": 0.65}
JUDGED = dict.fromkeys(("helpfulness", "safety", "violations", "overall", "mean_helpfulness", "safe"), RATE)


@pytest.fixture
def manager(client: Client) -> Client:
    client.force_login(make_user("manager"))
    return client


@pytest.fixture
def iteration() -> Iteration:
    """The first one, evaluated."""
    first = Iteration.objects.create(
        number=1,
        helpfulness_project=make_project(name="Kind harbour"),
        safety_project=make_project(name="Safe harbour", dimension="safety"),
        base=make_model("guide"),
        settings={"with_ppo": False},
    )
    versions = [
        {"number": number, "model": name, "reward": JUDGED, "gold": JUDGED}
        for number, name in enumerate(("guide", "guide-v1"))
    ]
    reports = {
        "collection": {"comparisons": {"kind": 10}, "agreement": {}},
        "evaluation": {"versions": versions, "judges": {}, "prompts": {"helpfulness": 31, "safety": 7}, "draws": 2},
    }
    for stage, kind in (("collection", Run.Kind.COLLECTION), ("evaluation", Run.Kind.POLICY_EVALUATION)):
        run = Run.objects.create(kind=kind, name=f"guide-v1-{stage}", status=Job.Status.DONE, report=reports[stage])
        Stage.objects.create(iteration=first, name=stage, run=run)
    return first


def test_it_shows_the_figure_the_table_and_the_stages(manager: Client, iteration: Iteration) -> None:
    page = manager.get(reverse("iterations")).content.decode()
    assert "Kind harbour and Safe harbour: V0 is guide" in page
    assert "<svg" in page
    assert "V1: win rate over V0 60.0 % (95 % interval 55.0 % to 65.0 %) on helpfulness" in page
    assert "V1 guide-v1" in page
    assert "31 and 7 held-out prompts" in page
    assert all(reverse("run", args=[stage.run_id]) in page for stage in iteration.stages.all())


def test_an_iteration_that_is_not_evaluated_yet_shows_its_stages_alone(manager: Client, iteration: Iteration) -> None:
    iteration.stages.filter(name="evaluation").delete()
    page = manager.get(reverse("iterations")).content.decode()
    assert "collection" in page
    assert "<svg" not in page.partition("<main")[2]


def test_a_stage_that_failed_says_why(manager: Client, iteration: Iteration) -> None:
    failed = {"status": Job.Status.FAILED, "error": "The disk is full.", "progress_note": "step 3 of 20"}
    Run.objects.filter(stage__name="evaluation").update(**failed)
    page = manager.get(reverse("iterations")).content.decode()
    assert "The disk is full." in page
    assert "step 3 of 20" not in page


def test_without_iterations_it_says_how_to_begin(manager: Client, db: None) -> None:
    assert "run_iteration" in manager.get(reverse("iterations")).content.decode()


def test_annotators_never_see_which_model_is_better(client: Client, iteration: Iteration) -> None:
    client.force_login(make_user("annotator"))
    assert client.get(reverse("iterations")).status_code == 403


def test_its_number_of_queries_does_not_grow_with_the_versions(
    manager: Client, iteration: Iteration, django_assert_max_num_queries: object
) -> None:
    with django_assert_max_num_queries(25):  # type: ignore[operator]
        manager.get(reverse("iterations"))
