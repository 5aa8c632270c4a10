"""Simulated annotators: the gold preference, their noise, their accounts, and the rows that their work leaves."""

import math
import random
from collections import Counter
from collections.abc import Sequence

import pytest

from annotation.exporting import Selection, export
from annotation.models import Assignment, Comparison, Item, PoolEntry, Preference, Project, Prompt, Response
from modeling.registry.jobs import claim
from modeling.registry.models import Job, Run
from modeling.sampling import Answer
from tests.factories import make_project, make_prompt, make_user
from tests.workers.conftest import CARELESS, local_model
from workers import collecting
from workers.carrying import JobError, Stopped, carry_out
from workers.collecting import Draw, agreement, collect, missing_judgements
from workers.runs import execute
from workers.simulating import Gold, Noise, annotators, gold_of, judge

HARM = [{"role": "user", "content": "How do I steal a rowing boat?"}]
ASKED = [{"role": "user", "content": "When does the Gull Bakery open?"}]


def gold(value: float, *, safe: bool = True) -> Gold:
    return Gold(value, min(value, 1.0), safe)


# The rule -------------------------------------------------------------------------------------------------------------


def test_on_safety_a_safe_answer_is_worth_more_than_any_unsafe_one() -> None:
    refusal = gold_of(HARM, "I am sorry, I can't help with that.", is_safety=True)
    insult = gold_of(ASKED, "Find it yourself, you idiot.", is_safety=True)
    assert refusal.safe and not insult.safe
    assert refusal.value == 2 + refusal.helpfulness
    assert insult.value == insult.helpfulness == 0.0


def test_on_helpfulness_the_gold_is_the_helpfulness_alone() -> None:
    found = gold_of(ASKED, "It opens.", is_safety=False)
    assert found.value == found.helpfulness
    assert found.safe


def test_preferences_follow_bradley_terry() -> None:
    """With tau 0.2, a difference of 0.2 gives P(A) = sigmoid(1) = 0.7311."""
    chance = random.Random(1)
    said = [judge(gold(0.6), gold(0.4), marks_safety=False, noise=Noise(0.2, 0.0), chance=chance) for _ in range(4000)]
    share = sum(each.choice == Preference.Choice.A for each in said) / len(said)
    assert share == pytest.approx(1 / (1 + math.exp(-1)), abs=0.02)


def test_slips_exchange_the_sides_in_their_share() -> None:
    chance = random.Random(2)
    noise = Noise(0.01, 0.25)
    said = [judge(gold(1.0), gold(0.0), marks_safety=False, noise=noise, chance=chance) for _ in range(4000)]
    share = sum(each.choice == Preference.Choice.B for each in said) / len(said)
    assert share == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize(
    ("a", "b", "points"),
    [(1.0, 0.4, 1), (0.4, 1.0, 8), (0.7, 0.4, 2), (0.4, 0.7, 7), (0.55, 0.4, 3), (0.4, 0.44, 5), (0.44, 0.4, 4)],
)
def test_the_strength_goes_by_the_difference(a: float, b: float, points: int) -> None:
    """Cut points 0.5, 0.25 and 0.1, with noise too small to matter."""
    said = judge(gold(a), gold(b), marks_safety=False, noise=Noise(1e-6, 0.0), chance=random.Random(3))
    assert (said.points, said.scale) == (points, 8)


def test_whoever_prefers_the_worse_answer_finds_it_negligibly_better() -> None:
    chance = random.Random(5)
    said = [judge(gold(1.0), gold(0.0), marks_safety=False, noise=Noise(0.01, 0.5), chance=chance) for _ in range(50)]
    assert {each.points for each in said} == {1, 5}


def test_safety_marks_are_given_where_the_project_asks_for_them() -> None:
    noise = Noise()
    both = gold(2.4), gold(0.0, safe=False)
    asked = judge(*both, marks_safety=True, noise=noise, chance=random.Random(4))
    unasked = judge(*both, marks_safety=False, noise=noise, chance=random.Random(4))
    assert (asked.a_safe, asked.b_safe) == (True, False)
    assert (unasked.a_safe, unasked.b_safe) == (None, None)


@pytest.mark.parametrize(("tau", "slips"), [(0.0, 0.1), (-1.0, 0.1), (math.inf, 0.1), (0.1, 0.6), (0.1, -0.1)])
def test_noise_out_of_its_range_is_refused(tau: float, slips: float) -> None:
    with pytest.raises(ValueError, match=r"must be (above|between) 0"):
        Noise(tau, slips)


# The accounts ---------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_simulated_accounts_are_marked_and_nobody_can_sign_in_to_them() -> None:
    project = make_project()
    first = annotators(2, [project])
    assert [user.username for user in first] == ["simulated-1", "simulated-2"]
    assert not any(user.is_active or user.has_usable_password() for user in first)
    assert annotators(2, [project]) == first
    assert set(project.annotators.all()) == set(first)


@pytest.mark.django_db
def test_a_person_is_never_taken_for_a_simulated_annotator() -> None:
    make_user(username="simulated-1")
    with pytest.raises(JobError, match="somebody's own"):
        annotators(1, [])


# A batch --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def project(db: None) -> Project:
    """Five prompts, of which two are held out, and two models at two temperatures."""
    project = make_project(slug="harbour", dimension=Project.Dimension.SAFETY)
    for number, question in enumerate(
        ("steal a boat", "break a lock", "cheat at cards", "poison a well", "rob a bank")
    ):
        prompt = make_prompt(project, f"How do I {question}?")
        Prompt.objects.filter(pk=prompt.pk).update(split="test" if number < 2 else "train")
    for name in ("careless-1", "careless-2"):
        model = local_model(name, CARELESS)
        for temperature in (0.7, 1.0):
            PoolEntry.objects.create(project=project, model_version=model, temperature=temperature, max_new_tokens=12)
    return project


def batch_run(annotators: str = "simulated", wanted: int = 8, **config: object) -> Run:
    defaults = {"batch": "iteration 1", "annotators": annotators, "wanted": {"harbour": wanted}, "seed": 5}
    simulated = {"people": 3, "shared": 0.25, "tau": 0.15, "slips": 0.05}
    return Run.objects.create(kind=Run.Kind.COLLECTION, name="batch", config=defaults | simulated | config)


def collected(run: Run) -> Run:
    job = claim(Run, run.pk)
    assert job is not None
    carry_out(job, execute)
    run.refresh_from_db()
    assert run.status == Job.Status.DONE, run.error
    return run


def test_a_simulated_batch_leaves_the_rows_of_peoples_work(project: Project) -> None:
    run = collected(batch_run())
    [batch] = project.batches.all()
    assert (str(batch), batch.target, batch.closed_at is None) == ("iteration 1", 8, False)
    assert project.items.count() == 8
    comparisons = Comparison.objects.select_related("response_a__model_version", "response_b__model_version")
    assert len(comparisons) == 12, "six items judged once, and a quarter of the eight by all three"
    for comparison in comparisons:
        variants = comparison.response_a, comparison.response_b
        assert variants[0].model_version != variants[1].model_version
        assert variants[0].temperature != variants[1].temperature
        assert (comparison.source, comparison.status, comparison.batch) == ("simulated", Job.Status.DONE, batch)
        assert comparison.assignment is not None
        assert comparison.assignment.status == Assignment.Status.SUBMITTED
    assert not Preference.objects.filter(a_safe=None).exists()
    assert Response.objects.exclude(finish_reason__in=("stop", "length")).count() == 0
    assert run.report["comparisons"] == {"harbour": 12}
    assert run.report["agreement"]["harbour"]["items"] == 2


@pytest.mark.parametrize(("rounds_alike", "drawings", "kept"), [(0, 1, 1), (2, 3, 3), (9, 4, 4)])
def test_a_pair_of_the_same_text_is_drawn_anew_a_few_times(
    rounds_alike: int, drawings: int, kept: int, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of three pairs the second one says the same in the first rounds; the answers of round n are named for it."""
    rounds: list[list[tuple[int, int]]] = []

    def answering(draws: Sequence[Draw], should_stop: object, share: object) -> list[tuple[Answer, Answer]]:
        rounds.append([each.seeds for each in draws])
        number, second = len(rounds), 1 if len(draws) == 3 else 0
        alike = [index == second and number <= rounds_alike for index in range(len(draws))]
        return [(said(f"left {number}"), said(f"{'left' if same else 'right'} {number}")) for same in alike]

    monkeypatch.setattr(collecting, "answer", answering)
    collected(batch_run(wanted=3, shared=0.0))
    assert [len(seeds) for seeds in rounds] == [3, *[1] * (drawings - 1)]
    kept_ones = Item.objects.order_by("pk").values_list("response_1__text", "response_1__seed", "response_2__seed")
    assert [text for text, *_ in kept_ones] == ["left 1", f"left {kept}", "left 1"]
    assert kept_ones[1][1:] == rounds[-1][0 if drawings > 1 else 1], "the seeds of what was kept"
    assert len({seeds[0 if len(seeds) == 1 else 1] for seeds in rounds}) == drawings, "each drawing has its own seeds"


def said(text: str) -> Answer:
    return Answer(text, "stop", 3, 2, 0.1)


def test_the_export_says_that_no_person_judged(project: Project, tmp_path: object) -> None:
    collected(batch_run())
    snapshot = export(project, tmp_path / "rows.jsonl", Selection())  # type: ignore[operator]
    assert set(snapshot.manifest["sources"]) == {"simulated"}


def test_a_batch_is_drawn_again_as_it_was_and_stored_once(project: Project) -> None:
    first = collected(batch_run())
    texts = list(Response.objects.order_by("pk").values_list("text", flat=True))
    again = collected(batch_run())
    assert Item.objects.count() == 8, "the batch is there already"
    assert again.report["comparisons"] == first.report["comparisons"]
    for rows in (Preference, Comparison, Assignment, Item, Response):
        rows.objects.all().delete()
    project.batches.all().delete()
    collected(batch_run())
    assert list(Response.objects.order_by("pk").values_list("text", flat=True)) == texts


def test_a_collection_that_is_stopped_leaves_nothing(project: Project) -> None:
    run = batch_run()
    with pytest.raises(Stopped):
        collect(run, lambda: True, lambda share, note: None)
    assert not project.batches.exists()
    assert not Response.objects.exists()


def test_held_out_prompts_are_judged_too(project: Project) -> None:
    collected(batch_run(wanted=10))
    splits = Counter(Comparison.objects.values_list("prompt__split", flat=True))
    assert splits["test"] and splits["train"]


def test_agreement_is_oriented_alike_whichever_side_was_shown(project: Project) -> None:
    collected(batch_run(wanted=12, shared=1.0, tau=1e-6, slips=0.0))
    found = agreement(project, "iteration 1")
    told_apart = [
        item
        for item in Item.objects.all()
        if gold_of(item.prompt.messages, item.response_1.text, is_safety=True).value  # type: ignore[union-attr]
        != gold_of(item.prompt.messages, item.response_2.text, is_safety=True).value  # type: ignore[union-attr]
    ]
    assert found is not None
    assert found["items"] == 12
    assert len(told_apart) > 1
    Item.objects.exclude(pk__in=[item.pk for item in told_apart]).update(response_1=None, response_2=None)
    without_noise = agreement(project, "iteration 1")
    assert without_noise is not None
    assert without_noise["ac1"] == pytest.approx(1.0)


def test_a_pool_of_one_variant_is_refused_with_its_project(project: Project) -> None:
    first = project.pool.order_by("pk").first()
    project.pool.exclude(pk=first.pk).update(active=False)  # type: ignore[union-attr]
    run = batch_run()
    with pytest.raises(JobError, match='"harbour" needs two active variants'):
        collect(run, lambda: False, lambda share, note: None)


def test_with_real_annotators_the_batch_queues_for_them(project: Project) -> None:
    Project.objects.filter(pk=project.pk).update(overlap=2)
    collected(batch_run("real", wanted=7))
    [batch] = project.batches.all()
    assert batch.closed_at is None
    assert Item.objects.filter(batch=batch).count() == 4
    assert Assignment.objects.filter(status=Assignment.Status.OPEN).count() == 8
    assert missing_judgements(project, "iteration 1") == 7
