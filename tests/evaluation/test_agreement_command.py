"""manage.py evaluate agreement: of a campaign, of a project, of a file; in all, by part and by rater."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from annotation.disagreement import remember
from annotation.models import Batch, Project
from evaluation.campaigns import create_campaign
from evaluation.statistics.agreement import conger, fleiss, gwet
from tests.factories import make_judgement, make_model, make_pair, make_project, make_user

pytestmark = pytest.mark.django_db

# Points of three raters about the first model; of the last item two people said the same.
POINTS: list[list[float]] = [[1, 2, 1], [7, 6, 7], [4, 4, 5], [2, 6, 2]]


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("evaluate", "agreement", *arguments, stdout=out)
    return out.getvalue()


def figures(*arguments: str) -> Any:
    return json.loads(run(*arguments, "--json"))


@pytest.fixture
def judged() -> Project:
    """A campaign of two pairs of models, two items each, the second item of each in a batch; one item was flipped."""
    models = [make_model(name) for name in ("x-model", "y-model", "z-model")]
    project = create_campaign("spring", "Spring", models, raters_per_item=3).project
    batch = Batch.objects.create(project=project, number=4)
    raters = [make_user(username=name) for name in ("ann", "ben", "cat")]
    for number, points in enumerate(POINTS):
        item = make_pair(project, models[0], models[1 + number // 2])
        item.prompt.category = "writing" if number % 2 else "coding"
        item.prompt.save()
        item.batch = batch if number % 2 else None
        item.save()
        for rater, given in zip(raters, points, strict=True):
            flipped = number == 1
            make_judgement(item, rater, int(8 - given if flipped else given), flipped=flipped)
        remember(item)
    return project


def test_a_campaign_and_its_project_agree_as_their_points_do(judged: Project) -> None:
    expected = gwet(POINTS, "quadratic", categories=range(1, 8))
    for source in ("--campaign", "--project"):
        told = figures(source, "spring", "--weights", "quadratic", "--coefficient", "gwet")
        assert told["agreement"][0]["value"] == pytest.approx(expected.value, abs=1e-12)
        assert told["agreement"][0]["interval"] == pytest.approx(expected.interval, abs=1e-12)
    assert told["p_value_is"] == "one-sided (greater than 0)"


@pytest.mark.parametrize(
    ("part", "rows"),
    [
        ("comparison", {"x-model / y-model": POINTS[:2], "x-model / z-model": POINTS[2:]}),
        ("batch", {"batch 4": POINTS[1::2]}),
        ("category", {"coding": POINTS[::2], "writing": POINTS[1::2]}),
    ],
)
def test_parts_are_those_of_their_items(judged: Project, part: str, rows: dict[str, list[list[float]]]) -> None:
    for source in ("--campaign", "--project"):
        told = figures(source, "spring", "--by", part, "--coefficient", "fleiss")
        assert {row["part"]: row["value"] for row in told["parts"]} == {
            name: pytest.approx(fleiss(points, categories=range(1, 8)).value) for name, points in rows.items()
        }


def test_raters_are_named_with_and_without_the_others(judged: Project) -> None:
    without_ben = gwet([[row[0], row[2]] for row in POINTS], categories=range(1, 8)).value
    for source in ("--campaign", "--project"):
        told = figures(source, "spring", "--by", "annotator", "--coefficient", "gwet")
        assert [row["rater"] for row in told["raters"]] == ["ann", "ben", "cat"]
        assert told["raters"][1]["without"]["value"] == pytest.approx(without_ben, abs=1e-12)


def test_congers_kappa_has_a_column_for_each_rater(judged: Project) -> None:
    told = figures("--campaign", "spring", "--coefficient", "conger")
    assert told["agreement"][0]["value"] == pytest.approx(conger(POINTS, categories=range(1, 8)).value, abs=1e-12)


def test_the_bootstrap_is_repeated_by_its_seed(judged: Project) -> None:
    first = run("--campaign", "spring", "--bootstrap", "50", "--seed", "3")
    assert "Percentile intervals from draws of items, seed 3" in first
    assert run("--campaign", "spring", "--bootstrap", "50", "--seed", "3") == first


def test_a_table_for_people_closes_with_the_main_figures(judged: Project) -> None:
    told = run("--campaign", "spring", "--by", "leave-one-out")
    assert "Spring: 12 ratings of 4 items, 4 by two raters or more" in told
    assert "p, one-sided" in told and "p, two-sided" in told
    assert "cat" in told and "without" in told
    assert json.loads(told.splitlines()[-1])["items"] == 4


def test_nobody_has_judged_yet() -> None:
    make_project(slug="fresh", task_type=Project.TaskType.SAFETY_RATING)
    assert "gwet: Undefined: there are no ratings." in run("--project", "fresh")


def test_sides_without_points_are_asked_for_as_a_campaign(judged: Project) -> None:
    project = make_project(slug="outside", task_type=Project.TaskType.PAIRWISE_EVALUATION, overlap=2)
    item = make_pair(project, make_model(), make_model())
    for _ in range(2):
        make_judgement(item, make_user(), choice="a", source="pandalm")
    with pytest.raises(CommandError, match="name a side without points: ask for it with --campaign outside"):
        run("--project", "outside")
    assert figures("--campaign", "outside")["categories"] == ["-1", "0", "1"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--campaign", "nix"], 'There is no campaign "nix"'),
        (["--project", "nix"], 'There is no project "nix". Projects: spring.'),
        (
            ["--campaign", "spring", "--by", "moon"],
            'can\'t be divided by "moon": its items are told apart by comparison',
        ),
        (["--campaign", "spring", "--counts"], "--counts describes a file"),
        (["--campaign", "spring", "--categories", "1,2"], "--categories describes a file"),
        (["--campaign", "spring", "--weights", "cubic"], "weights must be one of identity, .*, got"),
        (["--campaign", "spring", "--population", "3"], "population must be at least the 4 items rated, got 3"),
        (["--campaign", "spring", "--bootstrap", "1"], "replicates must be 2 or more, got 1"),
        (["--project", "spring", "--by", "annotator", "--coefficient", "conger"], "leave raters out with another"),
        (["--file", "nowhere.csv"], "can't read nowhere.csv: No such file"),
    ],
)
def test_what_is_wrong_is_named(judged: Project, arguments: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        run(*arguments)


def test_a_demonstration_has_no_points() -> None:
    make_project(slug="written", task_type=Project.TaskType.DEMONSTRATION)
    with pytest.raises(CommandError, match="its work has no points to agree about"):
        run("--project", "written")


def test_a_file_may_bring_its_own_weights(tmp_path: Path) -> None:
    (tmp_path / "ratings.csv").write_text("item,one,two\ni1,no,no\ni2,maybe,yes\ni3,yes,yes\ni4,no,maybe\n")
    (tmp_path / "weights.csv").write_text("1,0.5,0\n0.5,1,0.5\n0,0.5,1\n")
    asked = ["--file", str(tmp_path / "ratings.csv"), "--key", "item", "--categories", "no,maybe,yes"]
    own = figures(*asked, "--weights", str(tmp_path / "weights.csv"))
    linear = figures(*asked, "--weights", "linear")
    assert own["agreement"] == linear["agreement"]
    assert own["agreement"][-1]["value"] == 0.75  # two agree, two by half
    assert {row["coefficient"] for row in own["agreement"]} >= {"gwet", "conger"}
