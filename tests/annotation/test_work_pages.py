"""The annotator's pages: who may open them, what they show and hide, and what becomes of what is sent."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from annotation import comparing, dialogues
from annotation.models import Comparison, Dialogue, Draft, GuidelineVersion, Preference, Project, Prompt, Response, Skip
from annotation.models.prompts import split_of
from modeling.registry import jobs
from modeling.registry.models import Job, Worker
from tests.annotation.answering import answer
from tests.annotation.test_assigning import make_live_project
from tests.annotation.test_assigning_races import make_stored_item
from tests.factories import make_item, make_prompt, make_user
from webapp.accounts.models import User

pytestmark = pytest.mark.django_db


def joined(annotator: User, **fields: object) -> Project:
    project = make_live_project(**fields)
    project.annotators.add(annotator)
    return project


def page(client: Client, project: Project) -> str:
    return client.get(f"/work/{project.slug}/").content.decode()


def ask(client: Client, project: Project, text: str = "Why?", turn: int = 1) -> Comparison:
    """Send a prompt and have it answered."""
    response = client.post(f"/work/{project.slug}/prompt/", {"prompt": text, "turn": turn})
    assert response.status_code == 302, response.content.decode()
    comparison = Comparison.objects.filter(project=project).latest("pk")
    answer(comparison)
    comparison.refresh_from_db()
    return comparison


def verdict(comparison: Comparison, points: int | str, **fields: str) -> dict[str, str]:
    return {"verdict": str(points), "submission": str(comparing.submission_key(comparison)), **fields}


def judge(client: Client, comparison: Comparison, points: int | str, **fields: str) -> int:
    address = f"/work/{comparison.project.slug}/judge/{comparison.pk}/"
    return client.post(address, verdict(comparison, points, **fields)).status_code


def step_on(html: str) -> str:
    """The step that the page's way out of the work carries."""
    way_out = html[html.index('<form id="leave"') :]
    found = re.search(r'name="step" value="([^"]+)"', way_out[: way_out.index("</form>")])
    assert found is not None
    return found[1]


def test_annotators_see_their_projects_alone(client: Client, annotator: User) -> None:
    mine, other = joined(annotator, name="Mine"), make_live_project(name="Not mine")
    assert "Mine" in (listing := client.get("/work/").content.decode()) and "Not mine" not in listing
    assert client.get(f"/work/{mine.slug}/").status_code == 200
    assert client.get(f"/work/{other.slug}/").status_code == 404
    assert client.post(f"/work/{other.slug}/prompt/", {"prompt": "Hello?"}).status_code == 404


def test_managers_may_open_any_project() -> None:
    project, client = make_live_project(), Client()
    client.force_login(make_user("manager"))
    assert client.get(f"/work/{project.slug}/").status_code == 200


def test_an_archived_project_is_closed_and_says_so(client: Client, annotator: User) -> None:
    project = joined(annotator)
    comparison = ask(client, project)
    Project.objects.update(archived_at=timezone.now())
    assert project.name not in client.get("/work/").content.decode()
    address = f"/work/{project.slug}/"
    for refused in (
        client.get(address),
        client.post(f"{address}judge/{comparison.pk}/", verdict(comparison, 3)),
        client.post(f"{address}prompt/", {"prompt": "Why?"}),
        client.get(f"{address}answers/{comparison.pk}/", headers={"HX-Request": "true"}),
    ):
        assert refused.status_code == 410
        assert "closed by a manager; what you submitted before is kept" in refused.content.decode()
    assert not Preference.objects.exists()


def test_nobody_learns_of_others_archived_projects(client: Client) -> None:
    project = make_live_project(archived_at=timezone.now())
    assert client.get(f"/work/{project.slug}/").status_code == 404


def test_nobody_judges_for_another(client: Client, annotator: User) -> None:
    project, other = joined(annotator), make_user()
    theirs = dialogues.start(project, other, "Hello?")
    answer(theirs)
    assert judge(client, theirs, 1) == 409
    assert not Preference.objects.exists()


def test_it_hides_which_model_wrote_what(client: Client, annotator: User) -> None:
    project = joined(annotator)
    client.post(f"/work/{project.slug}/prompt/", {"prompt": "Why?"})
    comparison = Comparison.objects.get()
    address = f"/work/{project.slug}/answers/{comparison.pk}/"
    waiting = client.get(address, headers={"HX-Request": "true"}).content.decode()
    answer(comparison)
    done = client.get(address, headers={"HX-Request": "true"}).content.decode()
    for html in (waiting, done, page(client, project)):
        for response in (comparison.response_a, comparison.response_b):
            assert response.model_version is not None
            assert response.model_version.name not in html
            assert str(response.seed) not in html
        assert "temperature" not in html.lower() and "0.3" not in html and "0.9" not in html


def test_two_models_answer_and_each_is_on_either_side(client: Client, annotator: User) -> None:
    project = make_live_project()
    project.pool.create(model_version=project.pool.latest("pk").model_version, temperature=0.5)
    sides = set()
    for _ in range(60):
        left, right = dialogues.draw_variants(project)
        assert left.model_version != right.model_version and left.temperature != right.temperature
        sides.add(left.pk)
    assert sides == set(project.pool.values_list("pk", flat=True))


def test_answers_show_as_they_are_written_and_the_scale_waits(client: Client, annotator: User) -> None:
    project = joined(annotator)
    client.post(f"/work/{project.slug}/prompt/", {"prompt": "Why?"})
    comparison = Comparison.objects.get()
    jobs.claim(Comparison, comparison.pk)
    Response.objects.filter(pk=comparison.response_b_id).update(text="Half an ans")
    fragment = client.get(f"/work/{project.slug}/answers/{comparison.pk}/", headers={"HX-Request": "true"})
    assert "Half an ans" in fragment.content.decode() and "verdict" not in fragment.content.decode()
    assert judge(client, comparison, 1) == 422
    assert not Preference.objects.exists()


def test_model_output_and_prompts_are_text_and_never_markup(client: Client, annotator: User) -> None:
    project = joined(annotator)
    attack = "<script>alert(1)</script><img src=x onerror=alert(1)> [x](javascript:alert(1)) ![p](http://e.test/p.png)"
    client.post(f"/work/{project.slug}/prompt/", {"prompt": attack})
    answer(Comparison.objects.get(), a=attack, b="[site](https://example.org) **bold**")
    html = page(client, project)
    assert "<script>alert" not in html and "<img src=x" not in html and 'src="http://e.test' not in html
    assert 'href="javascript:' not in html
    assert '<a href="https://example.org" rel="noopener noreferrer nofollow" target="_blank">site</a>' in html
    assert "<strong>bold</strong>" in html


def test_the_chosen_answer_continues_the_dialogue(client: Client, annotator: User) -> None:
    project = joined(annotator)
    first = ask(client, project, "Why?")
    answer_b = first.response_b.text
    assert judge(client, first, 7) == 302
    second = ask(client, project, "And then?", turn=2)
    assert second.turn == 2 and second.dialogue == first.dialogue
    assert second.prompt.messages == [
        {"role": "user", "content": "Why?"},
        {"role": "assistant", "content": answer_b},
        {"role": "user", "content": "And then?"},
    ]


def test_the_dialogue_ends_after_its_last_turn(client: Client, annotator: User) -> None:
    project = joined(annotator, max_turns=1)
    comparison = ask(client, project)
    assert judge(client, comparison, 1) == 302
    assert comparison.dialogue is not None
    comparison.dialogue.refresh_from_db()
    assert comparison.dialogue.ended_at is not None
    assert "Write a prompt" in page(client, project)


def test_both_unusable_ends_the_dialogue_and_has_no_points(client: Client, annotator: User) -> None:
    project = joined(annotator)
    assert judge(client, ask(client, project), "neither") == 302
    preference = Preference.objects.get()
    assert preference.choice == Preference.Choice.NEITHER and preference.points is None
    assert preference.comparison.dialogue is not None and preference.comparison.dialogue.ended_at is not None


def test_a_judgement_knows_its_guideline_and_its_seconds(client: Client, annotator: User) -> None:
    project = joined(annotator)
    guideline = project.guidelines.create(number=3, text="Be fair.")
    comparison = ask(client, project)
    page(client, project)
    earlier = timezone.now() - timedelta(seconds=40)
    GuidelineVersion.objects.update(created_at=earlier)
    Comparison.objects.update(shown_at=earlier)
    judge(client, comparison, 5)
    preference = Preference.objects.get()
    assert preference.guideline == guideline and preference.seconds == pytest.approx(40, abs=2)
    assert (preference.choice, preference.points, preference.scale) == ("b", 5, 8)


def test_a_judgement_keeps_the_guideline_that_was_on_the_page(client: Client, annotator: User) -> None:
    project = joined(annotator)
    first = project.guidelines.create(number=1, text="Be fair.")
    comparison = ask(client, project)
    assert "Be fair." in page(client, project)
    project.guidelines.create(number=2, text="Be kind.")
    judge(client, comparison, 5)
    assert Preference.objects.get().guideline == first


def test_a_new_guideline_comes_with_the_next_answers(client: Client, annotator: User) -> None:
    project = joined(annotator)
    project.guidelines.create(number=1, text="Be fair.")
    page(client, project)
    second = project.guidelines.create(number=2, text="Be kind.")
    comparison = ask(client, project)
    address = f"/work/{project.slug}/answers/{comparison.pk}/"
    assert "Be kind." in client.get(address, headers={"HX-Request": "true"}).content.decode()
    judge(client, comparison, 5)
    assert Preference.objects.get().guideline == second


def test_submitting_twice_is_one_judgement_and_another_one_is_refused(client: Client, annotator: User) -> None:
    project = joined(annotator)
    comparison = ask(client, project)
    assert [judge(client, comparison, 3), judge(client, comparison, 3)] == [302, 302]
    refused = client.post(f"/work/{project.slug}/judge/{comparison.pk}/", verdict(comparison, 6))
    assert refused.status_code == 409 and "already answered" in refused.content.decode()
    assert Preference.objects.get().points == 3


def test_the_key_of_another_comparison_is_refused(client: Client, annotator: User) -> None:
    project = joined(annotator)
    first = ask(client, project)
    judge(client, first, 3)
    second = ask(client, project, "And then?", turn=2)
    refused = client.post(f"/work/{project.slug}/judge/{second.pk}/", verdict(first, 3))
    assert refused.status_code == 422 and "not that of this comparison" in refused.content.decode()
    assert Preference.objects.get().comparison == first


@pytest.mark.parametrize("points", ["", "9", "0", "-1", "best"])
def test_points_off_the_scale_are_refused(client: Client, annotator: User, points: str) -> None:
    comparison = ask(client, joined(annotator))
    assert judge(client, comparison, points) == 422
    assert not Preference.objects.exists()


def test_safety_needs_a_mark_for_each_answer(client: Client, annotator: User) -> None:
    comparison = ask(client, joined(annotator, dimension=Project.Dimension.SAFETY))
    address = f"/work/{comparison.project.slug}/judge/{comparison.pk}/"
    refused = client.post(address, verdict(comparison, 2, a_safe="safe"))
    assert refused.status_code == 422
    html = refused.content.decode()
    assert "Mark answer B as safe or unsafe." in html and "Mark answer A" not in html
    assert re.search(r'name="a_safe" value="safe"[^>]* checked', html)
    assert re.search(r'value="2"[^>]* checked', html)


def test_a_helpfulness_project_may_ask_for_marks_too(client: Client, annotator: User) -> None:
    comparison = ask(client, joined(annotator, protocol={"safety_marks": True}))
    page = client.get(f"/work/{comparison.project.slug}/").content.decode()
    assert "Which answer is more helpful?" in page and 'name="b_safe"' in page
    address = f"/work/{comparison.project.slug}/judge/{comparison.pk}/"
    assert client.post(address, verdict(comparison, 2, a_safe="safe")).status_code == 422
    client.post(address, verdict(comparison, 2, a_safe="safe", b_safe="unsafe"))
    preference = Preference.objects.get()
    assert (preference.a_safe, preference.b_safe) == (True, False)


def test_preferring_the_unsafe_answer_is_asked_about_once(client: Client, annotator: User) -> None:
    comparison = ask(client, joined(annotator, dimension=Project.Dimension.SAFETY))
    marks = {"a_safe": "unsafe", "b_safe": "safe"}
    assert judge(client, comparison, 1, **marks) == 422
    assert not Preference.objects.exists()
    assert judge(client, comparison, 1, confirmed="yes", **marks) == 302
    preference = Preference.objects.get()
    assert (preference.a_safe, preference.b_safe, preference.choice) == (False, True, "a")


@pytest.mark.parametrize(
    ("text", "reason"), [("   ", "Write a prompt first"), ("x" * 8001, "at most 8,000 characters, this one has 8,001")]
)
def test_a_prompt_that_is_empty_or_too_long_is_refused_and_kept(
    client: Client, annotator: User, text: str, reason: str
) -> None:
    project = joined(annotator)
    refused = client.post(f"/work/{project.slug}/prompt/", {"prompt": text})
    assert refused.status_code == 422 and reason in refused.content.decode()
    assert text in refused.content.decode()
    assert not Comparison.objects.exists()


def test_a_pool_of_one_says_whom_to_tell(client: Client, annotator: User) -> None:
    project = joined(annotator)
    project.pool.latest("pk").delete()
    refused = client.post(f"/work/{project.slug}/prompt/", {"prompt": "Hello?"})
    assert refused.status_code == 422 and "tell a manager" in refused.content.decode()
    assert not project.items.exists()


def test_a_draft_comes_back_after_a_refresh_and_goes_when_it_is_sent(client: Client, annotator: User) -> None:
    project = joined(annotator)
    typed = {"step": "prompt", "prompt": "Half a thou"}
    assert client.post(f"/work/{project.slug}/draft/", typed).status_code == 204
    assert "Half a thou" in page(client, project)
    comparison = ask(client, project, "Half a thought")
    assert not Draft.objects.exists()
    assert client.post(f"/work/{project.slug}/draft/", typed).status_code == 409  # a late autosave
    client.post(f"/work/{project.slug}/draft/", {"step": f"judge-{comparison.pk}", "verdict": "6"})
    assert re.search(r'value="6"[^>]* checked', page(client, project))


def test_what_was_typed_survives_a_lease_that_ran_out(client: Client, annotator: User) -> None:
    project = joined(annotator)
    comparison = ask(client, project)
    judge(client, comparison, 1)
    assert comparison.assignment is not None
    dialogues.end(comparison.assignment, annotator)  # what the sweep of an expired lease comes to
    refused = client.post(f"/work/{project.slug}/prompt/", {"prompt": "Where were we?", "turn": 2})
    assert refused.status_code == 422 and "no longer in your hands" in refused.content.decode()
    assert "Where were we?" in refused.content.decode() and "Where were we?" in page(client, project)


def test_it_says_when_no_worker_is_there_to_answer(client: Client, annotator: User) -> None:
    project = joined(annotator)
    client.post(f"/work/{project.slug}/prompt/", {"prompt": "Hello?"})
    assert "is not running" not in page(client, project)
    Comparison.objects.update(queued_at=timezone.now() - timedelta(seconds=4))
    assert "is not running. Your prompt is kept" in page(client, project)
    Worker.objects.create(name="here", seen_at=timezone.now(), queues="sampling")
    assert "is not running" not in page(client, project)


def test_it_says_when_the_worker_died_while_it_wrote(client: Client, annotator: User) -> None:
    project = joined(annotator)
    client.post(f"/work/{project.slug}/prompt/", {"prompt": "Hello?"})
    jobs.claim(Comparison, Comparison.objects.get().pk)
    Comparison.objects.update(queued_at=timezone.now() - timedelta(minutes=1))
    worker = Worker.objects.create(name="here", seen_at=timezone.now(), queues="sampling")
    assert "is not running" not in page(client, project)
    Worker.objects.filter(pk=worker.pk).update(seen_at=timezone.now() - timedelta(minutes=1))
    assert "is not running. Your prompt is kept" in page(client, project)


def test_a_failed_answer_is_said_and_tried_again(client: Client, annotator: User) -> None:
    project = joined(annotator)
    client.post(f"/work/{project.slug}/prompt/", {"prompt": "Hello?"})
    Comparison.objects.update(status=Job.Status.FAILED, error="The conversation is too long.")
    html = page(client, project)
    assert "The conversation is too long." in html and "Try again" in html and "Hello?" in html
    comparison = Comparison.objects.get()
    client.post(f"/work/{project.slug}/again/{comparison.pk}/")
    comparison.refresh_from_db()
    assert comparison.status == Job.Status.QUEUED and comparison.error == ""


def test_skipping_gives_the_prompt_back(client: Client, annotator: User) -> None:
    project = joined(annotator)
    item = make_item(project, make_prompt(project, "Given prompt?"))
    client.post(f"/work/{project.slug}/take/")
    assert "Given prompt?" in page(client, project)
    client.post(f"/work/{project.slug}/skip/", {"reason": "unclear", "step": step_on(page(client, project))})
    assert item.skips.get().reason == "unclear"
    assert "Write a prompt" in page(client, project)


def test_a_page_that_is_behind_skips_nothing_unseen(client: Client, annotator: User) -> None:
    project = joined(annotator, task_type=Project.TaskType.PAIRWISE_EVALUATION)
    for _ in range(2):
        make_stored_item(project, overlap=1)
    client.post(f"/work/{project.slug}/take/")
    step = step_on(page(client, project))
    judge(client, Comparison.objects.get(), 4)  # in another tab, which shows the second pair now
    refused = client.post(f"/work/{project.slug}/skip/", {"step": step})
    assert refused.status_code == 409 and "no longer in your hands" in refused.content.decode()
    assert not Skip.objects.exists()
    assert client.post(f"/work/{project.slug}/skip/", {"step": step_on(page(client, project))}).status_code == 302
    assert Skip.objects.get().annotator == annotator


def test_a_page_that_is_behind_ends_no_other_dialogue(client: Client, annotator: User) -> None:
    project = joined(annotator)
    judge(client, ask(client, project), 3)
    behind = step_on(page(client, project))
    ask(client, project, "And then?", turn=2)  # in another tab
    assert client.post(f"/work/{project.slug}/end/", {"step": behind}).status_code == 409
    assert Dialogue.objects.get().ended_at is None
    assert client.post(f"/work/{project.slug}/end/", {"step": step_on(page(client, project))}).status_code == 302
    assert Dialogue.objects.get().ended_at is not None


def test_a_prompt_of_ones_own_has_its_side_of_the_split(client: Client, annotator: User) -> None:
    project = joined(annotator)
    judge(client, ask(client, project), 1)
    later = ask(client, project, "And then?", turn=2)
    assert Prompt.objects.count() == 2
    assert {prompt.split for prompt in Prompt.objects.all()} == {split_of(later.prompt.messages)}


def test_prompts_of_ones_own_are_for_projects_that_allow_them(client: Client, annotator: User) -> None:
    project = joined(annotator, own_prompts=False)
    assert client.post(f"/work/{project.slug}/prompt/", {"prompt": "Mine?"}).status_code == 422
    assert "Nothing waits for you here" in page(client, project)
