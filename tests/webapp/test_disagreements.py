"""Reviewers open what people and a reward model differ on, the worst first, and learn nobody's model."""

import pytest
from django.test import Client

from annotation.models import Batch, Preference, Project
from evaluation.reward_models.disagreements import Filters, disagreements
from modeling.registry.models import ModelVersion
from tests.evaluation.reward_models.scored import give, make_reward_model, make_scored
from tests.factories import make_item, make_judgement, make_model, make_pair, make_preference, make_project, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return make_project(slug="stream")


@pytest.fixture
def judge() -> ModelVersion:
    return make_reward_model("judge")


@pytest.fixture
def reviewer() -> Client:
    client = Client()
    client.force_login(make_user("reviewer"))
    return client


def comparisons_in(judge: ModelVersion, project: Project, filters: Filters | None = None) -> list[int]:
    return [row["pair"] for row in disagreements(judge, project, filters)]


def pk_of(said: Preference) -> int:
    return said.comparison_id


def test_the_surer_people_are_and_the_further_apart_the_scores_the_earlier_it_comes(
    judge: ModelVersion, project: Project
) -> None:
    """On eight points a preference of 1, 2, 3, 4 has a strength of 7/7, 5/7, 3/7, 1/7."""
    slight = make_scored(judge, project, (0.0, 3.0), points=4)  # 3 / 7
    strong = make_scored(judge, project, (0.0, 1.0), points=1)  # 1
    strongest = make_scored(judge, project, (2.0, 0.0), points=7)  # 2 * 5 / 7
    unrated = make_scored(judge, project, (0.0, 1.0), points=None, choice="a")  # 1 / 2
    make_scored(judge, project, (9.0, 0.0), points=1)  # they agree
    make_scored(judge, project, (1.0, 1.0), points=1)  # the model sees no difference
    assert comparisons_in(judge, project) == [pk_of(said) for said in (strongest, strong, unrated, slight)]
    row = disagreements(judge, project)[0]
    assert row["strength"] == pytest.approx(5 / 7) and row["gap"] == pytest.approx(2.0)


def test_of_several_raters_the_majority_counts_whichever_side_they_saw_it_on(judge: ModelVersion) -> None:
    x, y = make_model("x"), make_model("y")
    project = make_project(task_type=Project.TaskType.PAIRWISE_EVALUATION, overlap=3)
    outvoted, agreed = (make_pair(project, x, y) for _ in range(2))
    for item in (outvoted, agreed):
        assert item.response_1 and item.response_2
        give(judge, item.response_1, 0.0)
        give(judge, item.response_2, 2.0)
    raters = [make_user() for _ in range(3)]
    # On seven points: two prefer the first answer, one of them having it on the right.
    make_judgement(outvoted, raters[0], 1)
    make_judgement(outvoted, raters[1], 6, flipped=True)
    make_judgement(outvoted, raters[2], 7)
    for rater in raters:
        make_judgement(agreed, rater, 7)
    (row,) = disagreements(judge, project)
    assert (row["people"], row["votes"] in (1.0, -1.0)) == (3, True)
    assert row["strength"] == pytest.approx((1 + 2 / 3 - 1) / 3)


def test_it_is_narrowed_to_a_batch_and_to_how_sure_people_are(judge: ModelVersion, project: Project) -> None:
    first, second = (Batch.objects.create(project=project, number=number) for number in (1, 2))
    one = make_scored(judge, project, (0, 1), points=1, batch=first)
    other = make_scored(judge, project, (1, 0), points=8, batch=second)
    third = make_scored(judge, project, (1, 0), points=6, batch=second)
    assert comparisons_in(judge, project, Filters(batch=first)) == [pk_of(one)]
    assert comparisons_in(judge, project, Filters(batch=second)) == [pk_of(other), pk_of(third)]
    assert comparisons_in(judge, project, Filters(rating=0)) == [pk_of(one), pk_of(other)]
    assert comparisons_in(judge, project, Filters(batch=second, rating=2)) == [pk_of(third)]


def test_a_page_lists_them_and_leads_from_one_to_the_next(
    judge: ModelVersion, project: Project, reviewer: Client
) -> None:
    worst = make_scored(judge, project, (0.0, 5.0), points=1)
    second = make_scored(judge, project, (0.0, 1.0), points=1)
    page = reviewer.get("/projects/stream/disagreements/").content.decode()
    assert page.index(f"/disagreements/{pk_of(worst)}/") < page.index(f"/disagreements/{pk_of(second)}/")
    pair = reviewer.get(f"/projects/stream/disagreements/{pk_of(worst)}/?judge=judge").content.decode()
    assert f"/disagreements/{pk_of(second)}/?judge=judge" in pair
    assert "It prefers <strong>B</strong>, with a probability of 99 %" in pair
    assert "A significantly better" in pair


def test_everybody_who_judged_the_pair_is_read_about_the_sides_that_are_shown(
    judge: ModelVersion, project: Project, reviewer: Client
) -> None:
    first = make_scored(judge, project, (0.0, 5.0), points=1)
    shown = first.comparison
    other = type(shown).objects.create(
        project=project,
        prompt=shown.prompt,
        response_a=shown.response_b,
        response_b=shown.response_a,
        status=shown.status,
    )
    make_preference(other, 7)  # prefers the same answer, which stood on the right
    page = reviewer.get(f"/projects/stream/disagreements/{shown.pk}/").content.decode()
    assert page.count("A significantly better") == page.count("A better") == 1
    assert "B better" not in page


def test_it_names_no_model_that_wrote_an_answer(judge: ModelVersion, project: Project, reviewer: Client) -> None:
    writer, rival = make_model("harbour-writer-7"), make_model("harbour-rival-9")
    place = make_item(project, overlap=1).assignments.get()
    place.status, place.annotator = place.Status.SUBMITTED, make_user()
    place.save()
    said = make_scored(
        judge, project, (0.0, 5.0), points=1, model_a=writer, model_b=rival, a="Yes.", b="No.", assignment=place
    )
    pages = [
        reviewer.get(address).content.decode()
        for address in ("/projects/stream/disagreements/", f"/projects/stream/disagreements/{pk_of(said)}/")
    ]
    assert f"/projects/stream/reviews/{place.pk}/" in pages[1]
    for page in pages:
        assert "harbour-writer-7" not in page and "harbour-rival-9" not in page


def test_an_answer_that_tells_its_model_is_masked(judge: ModelVersion, project: Project, reviewer: Client) -> None:
    said = make_scored(judge, project, (0.0, 5.0), points=1, a="I am ChatGPT, made by OpenAI.", b="No.")
    answer = said.comparison.response_a
    type(answer).objects.filter(pk=answer.pk).update(identity=[[5, 12]])
    page = reviewer.get(f"/projects/stream/disagreements/{pk_of(said)}/").content.decode()
    assert "ChatGPT" not in page and "[model name hidden]" in page


def test_whoever_is_yet_to_judge_the_item_reads_nobodys_answer_before(judge: ModelVersion) -> None:
    project = make_project(slug="pairs", task_type=Project.TaskType.PAIRWISE_EVALUATION, overlap=2)
    item = make_pair(project, make_model("x"), make_model("y"))
    assert item.response_1 and item.response_2
    give(judge, item.response_1, 0.0)
    give(judge, item.response_2, 2.0)
    said = make_judgement(item, make_user(), 1)
    both = make_user("reviewer")
    project.annotators.add(both)
    client = Client()
    client.force_login(both)
    page = client.get(f"/projects/pairs/disagreements/{pk_of(said)}/").content.decode()
    assert "A much better" not in page and "It prefers" not in page


def test_without_scores_it_says_so(project: Project, reviewer: Client) -> None:
    assert "No reward model has scored" in reviewer.get("/projects/stream/disagreements/").content.decode()


def test_a_filter_that_names_nothing_is_told(judge: ModelVersion, project: Project, reviewer: Client) -> None:
    make_scored(judge, project, (0, 1), points=1)
    page = reviewer.get("/projects/stream/disagreements/?batch=9").content.decode()
    assert "Select a valid choice" in page
