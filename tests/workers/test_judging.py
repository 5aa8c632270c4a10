"""A judge model is asked about every pair in both orders; what it says is kept, paid for once, never asked again."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from annotation.models import Prompt, Response
from evaluation.campaigns import add_pair, create_campaign, take_prompts
from evaluation.model_judging import JudgeOrder, forecast, start_judging, template_row
from evaluation.models import Campaign, Judgement
from evaluation.questioning import shipped_templates
from modeling.registry.jobs import claim, request_cancel
from modeling.registry.models import Job, ModelVersion, Run
from tests.factories import make_model
from tests.serving import Asked, Server, fails, says, serving
from workers.carrying import carry_out
from workers.runs import execute

pytestmark = pytest.mark.django_db


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr("modeling.chat_completions._pause", lambda *_: 0.0)
    with serving() as server:
        server.otherwise = says("The first is shorter.\nVerdict: A")
        yield server


@pytest.fixture
def judge(server: Server) -> ModelVersion:
    return make_model("judge", backend="endpoint", base_url=server.url, remote_model="org/judge")


@pytest.fixture
def campaign() -> Campaign:
    return filled("spring", 3)


def filled(slug: str, prompts: int) -> Campaign:
    """A campaign of the same two models, prompts and answers whatever it is called."""
    models = [ModelVersion.objects.filter(name=name).first() or make_model(name) for name in ("x-model", "y-model")]
    campaign = create_campaign(slug, slug, models, raters_per_item=1)
    asked = [Prompt(messages=[{"role": "user", "content": f"Question {number}?"}]) for number in range(prompts)]
    for prompt in take_prompts(campaign, asked):
        answers = [
            Response.objects.create(prompt=prompt, text=f"{model} answers {prompt.text}", model_version=model)
            for model in models
        ]
        add_pair(campaign, prompt, *answers)
    return campaign


def ordered(campaign: Campaign, judge: ModelVersion, template: str = "pairwise-choice", **more: Any) -> JudgeOrder:
    temperature = more.pop("temperature", None)
    row = template_row(shipped_templates()[template], "", temperature)
    return JudgeOrder(project=campaign.project, judge=judge, template=row, **more)


def carried_out(order: JudgeOrder) -> Run:
    run = start_judging(order)
    return again(run)


def again(run: Run) -> Run:
    Run.objects.filter(pk=run.pk).update(status=Job.Status.QUEUED, cancel_requested=False)
    job = claim(Run, run.pk)
    assert job is not None
    carry_out(job, execute)
    run.refresh_from_db()
    return run


def test_each_pair_is_asked_in_both_orders(campaign: Campaign, judge: ModelVersion, server: Server) -> None:
    run = carried_out(ordered(campaign, judge))
    assert (run.status, run.error, run.report["judged"]) == (Job.Status.DONE, "", 6)
    assert len(server.asked) == 6
    for item in campaign.project.items.all():
        shown = Judgement.objects.filter(first__in=(item.response_1_id, item.response_2_id))
        assert {(row.first_id, row.second_id) for row in shown} == {
            (item.response_1_id, item.response_2_id),
            (item.response_2_id, item.response_1_id),
        }
    row = Judgement.objects.first()
    assert row and (row.preference, row.reply) == (1.0, "The first is shorter.\nVerdict: A")
    assert (row.prompt_tokens, row.completion_tokens, row.run, row.failure) == (11, 3, run, "")


def test_a_random_order_asks_once(campaign: Campaign, judge: ModelVersion, server: Server) -> None:
    assert carried_out(ordered(campaign, judge, orders="random")).report["judged"] == 3
    assert len(server.asked) == 3


def test_what_the_judge_reads_is_the_dialogue_and_both_answers(
    campaign: Campaign, judge: ModelVersion, server: Server
) -> None:
    carried_out(ordered(campaign, judge, limit=1, orders="random"))
    [(_, _, body)] = server.asked
    system, user = body["messages"]
    assert system["role"] == "system" and body["temperature"] == 0 and body["max_tokens"] == 400
    assert "Question " in user["content"] and user["content"].count("answers Question") == 2


def test_nothing_is_asked_twice(campaign: Campaign, judge: ModelVersion, server: Server) -> None:
    carried_out(ordered(campaign, judge))
    assert carried_out(ordered(campaign, judge)).report["judged"] == 6
    assert len(server.asked) == 6


def test_the_same_words_in_another_campaign_are_not_asked_again(
    campaign: Campaign, judge: ModelVersion, server: Server
) -> None:
    carried_out(ordered(campaign, judge, price_in=1.0, price_out=1.0))
    other = filled("autumn", 4)
    run = carried_out(ordered(other, judge, price_in=1.0, price_out=1.0))
    assert (run.report["from_cache"], run.report["asked"], run.report["judged"]) == (6, 2, 8)
    assert len(server.asked) == 8
    copied = Judgement.objects.filter(run=run).exclude(cached_from=None)
    assert {row.cost for row in copied} == {None} and {row.preference for row in copied} == {1.0}


def test_samples_are_asked_with_seeds_of_their_own(campaign: Campaign, judge: ModelVersion, server: Server) -> None:
    carried_out(ordered(campaign, judge, samples=3, limit=1, temperature=0.7))
    assert len({body["seed"] for _, _, body in server.asked}) == 6
    assert set(Judgement.objects.values_list("sample", flat=True)) == {0, 1, 2}


def test_busy_and_failing_servers_are_asked_again(campaign: Campaign, judge: ModelVersion, server: Server) -> None:
    server.replies = [fails(429), fails(500), fails(503)]
    run = carried_out(ordered(campaign, judge, concurrency=2))
    assert (run.status, run.report["judged"], run.report["unanswered"]) == (Job.Status.DONE, 6, 0)
    assert len(server.asked) == 9


def test_replies_that_say_nothing_are_kept_and_can_be_asked_for_again(
    campaign: Campaign, judge: ModelVersion, server: Server
) -> None:
    server.replies = [says("Both are fine, I can't choose."), says("Verdict: NaN"), says("Verdict: A or tie")]
    run = carried_out(ordered(campaign, judge))
    assert (run.status, run.report["unreadable"]) == (Job.Status.DONE, 3)
    failed = Judgement.objects.exclude(failure="")
    assert {(row.points, row.preference) for row in failed} == {(None, None)}
    assert any("got 'NaN'" in row.failure and row.reply == "Verdict: NaN" for row in failed)
    assert carried_out(ordered(campaign, judge)).report["judged"] == 6 and len(server.asked) == 6
    mended = carried_out(ordered(campaign, judge, reask=True))
    assert (mended.report["asked"], mended.report["unreadable"]) == (3, 0)
    assert Judgement.objects.filter(attempt=2).count() == 3 and failed.count() == 3


def test_an_endpoint_that_is_out_of_order_fails_the_run_and_keeps_what_came(
    campaign: Campaign, judge: ModelVersion, server: Server
) -> None:
    server.replies = [says("Verdict: B"), says("Verdict: B")]
    server.otherwise = fails(401, "no such key")
    run = carried_out(ordered(campaign, judge, concurrency=1))
    assert run.status == Job.Status.FAILED
    assert "4 of 6 questions got no reply" in run.error and "answered 401: no such key" in run.error
    assert Judgement.objects.count() == 2
    server.otherwise = says("Verdict: A")
    run = again(run)
    assert (run.status, run.error, run.report["judged"], run.report["asked"]) == (Job.Status.DONE, "", 6, 6)


def test_an_endpoint_that_never_answers_is_given_up_soon(judge: ModelVersion, server: Server) -> None:
    server.otherwise = fails(404, "no such model")
    run = carried_out(ordered(filled("large", 40), judge, concurrency=4))
    assert run.status == Job.Status.FAILED and len(server.asked) < 20


def test_what_a_filter_withholds_is_a_reply_that_says_nothing(
    campaign: Campaign, judge: ModelVersion, server: Server
) -> None:
    server.replies = [says("", finish="content_filter")]
    run = carried_out(ordered(campaign, judge))
    assert (run.status, run.report["unreadable"]) == (Job.Status.DONE, 1)
    assert "content_filter" in Judgement.objects.exclude(failure="").get().failure


def test_a_run_ends_where_its_budget_does(campaign: Campaign, judge: ModelVersion, server: Server) -> None:
    """A reply costs 11 + 3 tokens: 0.000014 at 1 a million. A question may cost at most 400 tokens and half its length
    in characters: a budget of 0.001 has room for one or two at a time."""
    order = ordered(campaign, judge, concurrency=1, price_in=1.0, price_out=1.0, budget=0.0012)
    most = forecast(order).most_cost
    assert most is not None and most > 0.0012
    run = carried_out(order)
    assert run.status == Job.Status.DONE
    assert run.report["stopped_by_budget"] is False and run.report["cost"] == pytest.approx(6 * 14e-6)
    poor = ordered(filled("autumn", 3), judge, "pairwise-helpfulness", price_in=1.0, price_out=1.0, budget=0.0005)
    run = carried_out(poor)
    assert (run.status, run.report["stopped_by_budget"], run.report["judged"]) == (Job.Status.DONE, True, 0)
    assert "the budget is spent" in run.progress_note


def test_the_budget_holds_over_an_interruption(campaign: Campaign, judge: ModelVersion, server: Server) -> None:
    order = ordered(campaign, judge, concurrency=1, price_out=1_000_000.0, budget=408.0)
    run = carried_out(order)  # a reply costs 3, and 400 is the most that one can
    assert (run.report["judged"], run.report["cost"], run.report["stopped_by_budget"]) == (3, 9.0, True)
    run = again(run)
    assert (run.report["judged"], run.report["cost"]) == (3, 9.0)


def test_a_cancelled_run_goes_on_where_it_left_off(judge: ModelVersion, server: Server) -> None:
    campaign = filled("large", 12)
    run = start_judging(ordered(campaign, judge, concurrency=1))
    stop = threading.Event()

    def third(asked: Asked) -> None:
        stop.set()
        says("Verdict: B")(asked)

    server.replies = [says("Verdict: A"), says("Verdict: A"), third]
    job = claim(Run, run.pk)
    assert job is not None
    request_cancel(run)
    carry_out(job, lambda job, _: execute(job, stop.is_set))
    run.refresh_from_db()
    assert run.status == Job.Status.CANCELLED
    asked_before = Judgement.objects.count()
    assert asked_before == 3 == len(server.asked)
    run = again(run)
    assert (run.status, run.report["judged"], len(server.asked)) == (Job.Status.DONE, 24, 24)


def test_words_that_come_twice_are_asked_once(judge: ModelVersion, server: Server) -> None:
    """Two pairs of the same prompt whose answers are the same, word by word."""
    models = [make_model(name) for name in ("a", "b", "c")]
    campaign = create_campaign("twins", "Twins", models, raters_per_item=1)
    [prompt] = take_prompts(campaign, [Prompt(messages=[{"role": "user", "content": "Where?"}])])
    a, b, c = (
        Response.objects.create(prompt=prompt, text=text, model_version=model)
        for model, text in zip(models, ("Here.", "There.", "There."), strict=True)
    )
    add_pair(campaign, prompt, a, b)
    add_pair(campaign, prompt, a, c)
    order = ordered(campaign, judge)
    assert (forecast(order).to_ask, forecast(order).cached) == (2, 2)
    run = carried_out(order)
    assert (run.report["asked"], run.report["from_cache"], len(server.asked)) == (2, 2, 2)


def test_one_answer_at_a_time_is_rated_by_points(campaign: Campaign, judge: ModelVersion, server: Server) -> None:
    server.otherwise = says("No rule is broken.\n**Rating: 4/5**")
    run = carried_out(ordered(campaign, judge, "safety-rating"))
    assert run.report["judged"] == 6
    assert set(Judgement.objects.values_list("points", "preference", "second")) == {(4, None, None)}


def test_a_local_checkpoint_judges_too(campaign: Campaign) -> None:
    from tests.workers.conftest import local_model

    row = template_row(shipped_templates()["pairwise-choice"], "", None, 8)
    order = JudgeOrder(project=campaign.project, judge=local_model("careful"), template=row, limit=1)
    run = carried_out(order)
    assert (run.status, run.error, run.report["judged"]) == (Job.Status.DONE, "", 2)
    assert all(row.reply or row.failure for row in Judgement.objects.all())
