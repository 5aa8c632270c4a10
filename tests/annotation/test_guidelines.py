"""A guideline that changes: what is new for whom, and work of older versions asked for again."""

import pytest

from annotation import guidelines
from annotation.guidelines import Piece
from annotation.models import Assignment, GuidelineVersion, Project, Rating
from tests.factories import make_item, make_judgement, make_model, make_pair, make_project, make_prompt, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    project = make_project(task_type=Project.TaskType.PAIRWISE_EVALUATION)
    GuidelineVersion.objects.create(project=project, number=1, text="# Rules\n\nBe fair.\n\nBe quick.")
    return project


def publish(project: Project, text: str) -> GuidelineVersion:
    return GuidelineVersion.objects.create(project=project, number=project.guidelines.count() + 1, text=text)


def test_only_the_paragraphs_that_differ_are_told_word_by_word() -> None:
    differences = guidelines.changed_paragraphs(
        "# Rules\n\nBe fair.\n\nBe quick.", "# Rules\n\nBe very fair.\n\nBe quick."
    )
    assert differences == [[Piece("same", "Be "), Piece("new", "very "), Piece("same", "fair.")]]


def test_a_paragraph_that_is_gone_and_one_that_is_new_are_told() -> None:
    assert guidelines.changed_paragraphs("One.\n\nTwo.", "Two.\n\nThree.") == [
        [Piece("gone", "One.")],
        [Piece("new", "Three.")],
    ]


def test_a_change_of_layout_alone_tells_nothing() -> None:
    assert guidelines.changed_paragraphs("One.\n\nTwo.", "One.\n\n\n  Two.\n") == []


def test_each_version_is_news_once(project: Project) -> None:
    anna = make_user()
    news = guidelines.news_for(project, anna)
    assert news is not None and (news.version.number, news.before) == (1, None)
    guidelines.mark_read(news.version, anna)
    guidelines.mark_read(news.version, anna)
    assert guidelines.news_for(project, anna) is None

    second = publish(project, "# Rules\n\nBe very fair.\n\nBe quick.")
    publish(project, "# Rules\n\nBe very fair.")
    news = guidelines.news_for(project, anna)
    assert news is not None and news.before is not None
    assert (news.version.number, news.before.number) == (3, 1)
    assert [[piece.kind for piece in paragraph] for paragraph in news.differences] == [["same", "new", "same", "gone"]]
    guidelines.mark_read(second, anna)  # in a tab that is behind: the third one is still news
    assert guidelines.news_for(project, anna) is not None


def test_a_project_without_a_guideline_has_no_news() -> None:
    assert guidelines.news_for(make_project(), make_user()) is None


def test_older_work_goes_back_to_those_who_still_work_here(project: Project) -> None:
    first, second = project.guidelines.get(), publish(project, "New rules.")
    anna, ben, gone = make_user(), make_user(), make_user()
    project.annotators.set([anna, ben])
    one, other = make_model(), make_model()
    old = make_judgement(make_pair(project, one, other), anna, 2, guideline=first)
    new = make_judgement(make_pair(project, one, other), ben, 2, guideline=second)
    left = make_judgement(make_pair(project, one, other), gone, 2, guideline=first)

    assert [(count.number, count.places) for count in guidelines.work_by_version(project)] == [(2, 1), (1, 2)]
    manager = make_user("manager")
    assert guidelines.ask_again(project, second, manager, "Please read rule 3.") == 1

    returned = Assignment.objects.get(status=Assignment.Status.RETURNED)
    assert returned == old.comparison.assignment
    submitted = Assignment.objects.filter(status=Assignment.Status.SUBMITTED)
    assert set(submitted) == {new.comparison.assignment, left.comparison.assignment}
    assert [(review.verdict, review.note) for review in returned.reviews.all()] == [("returned", "Please read rule 3.")]
    old.refresh_from_db()
    assert old.current  # it counts until its revision comes
    assert guidelines.ask_again(project, second, manager, "Again.") == 0


def test_ratings_of_an_older_version_are_found_too() -> None:
    project = make_project(task_type=Project.TaskType.SAFETY_RATING)
    first, second = publish(project, "One."), publish(project, "Two.")
    anna = make_user()
    project.annotators.add(anna)
    prompt = make_prompt(project)
    response = prompt.responses.create(text="An answer.")
    item = make_item(project, prompt, response_1=response)
    place = item.assignments.get()
    Assignment.objects.filter(pk=place.pk).update(status=Assignment.Status.SUBMITTED, annotator=anna)
    Rating.objects.create(assignment=place, response=response, points=4, scale=5, guideline=first)
    assert list(guidelines.older_work(project, second)) == [place]
