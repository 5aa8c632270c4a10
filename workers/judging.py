"""Asking a judge model about a project's answers: several questions at a time, each reply stored as it comes."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from importlib import import_module
from itertools import islice
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Count, Q, Sum

from evaluation.model_judging import CHUNK, JudgeOrder, Question, known_replies, order_of, questions, wanted
from evaluation.models import Judgement
from evaluation.verdicts import UnreadableError, read_verdict
from modeling.chat import ChatError, Message
from modeling.checkpoints import CheckpointError
from modeling.endpoints import ContextTooLongError, Endpoint, EndpointError, WithheldAnswerError
from modeling.registry.models import Run
from modeling.sampling import Answer, Request, Sampler, SamplingError, sample_requests
from workers.carrying import JobError, ShouldStop, Stopped
from workers.loading import policy_of
from workers.runs import Report

ROWS = 16
"""Questions that a checkpoint here answers at a time."""
FAILURES_IN_A_ROW = 10
"""Questions without a reply, one after another, after which the endpoint is taken to be out of order."""
CHARACTERS_PER_TOKEN = 2
"""Fewer than in any usual text: what a question can cost at most, for the budget."""
LAST_REPLIES = 10.0
"""Seconds that a stopped run still waits for replies on their way: they are paid for."""
LOOK_EVERY = 0.5

Reply = tuple[Question, Answer | Exception]


@dataclass
class _Tally:
    """What a run has done so far, over all its attempts."""

    asked: int = 0
    unreadable: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    from_cache: int = 0
    unanswered: int = 0
    in_a_row: int = 0
    last_error: str = ""
    reserved: dict[str, float] = field(default_factory=dict)
    """By key, what a question on its way can cost at most."""


def judge(run: Run, should_stop: ShouldStop, report: Report) -> None:
    """Get what is missing. A run that was interrupted, killed or cancelled goes on where it left off, and its budget is
    for all of it. config: see JudgeOrder.

    Raises JobError where questions got no reply: the replies that are there are kept, and the run can be started again.
    """
    started = time.monotonic()
    try:
        order = order_of(run.config)
        sampler = policy_of(order.judge)
    except (ObjectDoesNotExist, CheckpointError, SamplingError) as error:
        raise JobError(f"The judge can't be asked: {error}") from error
    missing, total, _ = wanted(order)
    tally = _spent_so_far(run)
    asking = _Asking(run, order, sampler, tally, should_stop)
    done = total - len(missing)

    def tell() -> None:
        report(min(done / max(total, 1), 1.0), _note(order, tally, done, total))

    tell()
    for gained in asking.carry_out(questions(order, missing)):
        done += gained
        tell()
    stopped_by_budget = asking.budget_is_spent
    figures = {
        "judge": order.judge.name,
        "template": order.template.name,
        "questions": total,
        "judged": done,
        **{name: getattr(tally, name) for name in ("asked", "from_cache", "unreadable", "unanswered")},
        **{name: getattr(tally, name) for name in ("prompt_tokens", "completion_tokens")},
        "cost": None if order.cost(0, 0) is None else round(tally.cost, 6),
        "stopped_by_budget": stopped_by_budget,
        "seconds": round(time.monotonic() - started, 3),
    }
    Run.objects.filter(pk=run.pk).update(report=figures)
    if should_stop():
        raise Stopped
    if tally.unanswered:
        raise JobError(
            f"{tally.unanswered:,} of {total:,} questions got no reply. The last reason: {tally.last_error}. The "
            "replies that came are kept: start the run again for the others."
        )
    report(1.0, _note(order, tally, done, total) + (": the budget is spent" if stopped_by_budget else ""))


def _spent_so_far(run: Run) -> _Tally:
    own = Judgement.objects.filter(run=run)
    found: dict[str, Any] = own.aggregate(
        asked=Count("pk", filter=Q(cached_from=None)),
        from_cache=Count("pk", filter=~Q(cached_from=None)),
        unreadable=Count("pk", filter=~Q(failure="")),
        prompt_tokens=Sum("prompt_tokens", default=0),
        completion_tokens=Sum("completion_tokens", default=0),
        cost=Sum("cost", default=0.0),
    )
    return _Tally(**found)


def _note(order: JudgeOrder, tally: _Tally, done: int, total: int) -> str:
    note = f"{done:,} of {total:,} judgements"
    if order.cost(0, 0) is not None and tally.asked:
        rest = tally.cost / tally.asked * max(total - done, 0)
        note += f", cost {tally.cost:,.2f} of about {tally.cost + rest:,.2f}"
    return note + (f", {tally.unreadable:,} unreadable" if tally.unreadable else "")


class _Asking:
    """One run's way from questions to stored judgements."""

    def __init__(self, run: Run, order: JudgeOrder, sampler: Sampler, tally: _Tally, should_stop: ShouldStop) -> None:
        self.run, self.order, self.sampler, self.tally, self.should_stop = run, order, sampler, tally, should_stop
        self.twins: dict[str, list[Question]] = {}
        """By key, questions with the same words as one that is on its way."""
        self.gained = 0
        self.budget_is_spent = False

    def carry_out(self, waiting: Iterator[Question]) -> Iterator[int]:
        """Asks until all is asked or something ends it; yields how many judgements were stored since the last time."""
        ask = over_the_network if isinstance(self.sampler, Endpoint) else in_this_process
        for question, answer in ask(self.sampler, self.fresh(waiting), self.order, self.should_stop):
            self.take(question, answer)
            yield self.collected()
        yield self.collected()

    def collected(self) -> int:
        gained, self.gained = self.gained, 0
        return gained

    def fresh(self, waiting: Iterator[Question]) -> Iterator[Question]:
        """The questions that are really to be asked; ends early where nothing more may be."""
        while chunk := list(islice(waiting, CHUNK)):
            known = known_replies(question.key for question in chunk)
            for question in chunk:
                if self.should_stop() or self.tally.in_a_row >= FAILURES_IN_A_ROW:
                    return
                if question.key in known:
                    self.copy(question, known[question.key])
                elif question.key in self.twins:
                    self.twins[question.key].append(question)
                elif (earlier := known_replies([question.key]).get(question.key)) is not None:
                    self.copy(question, earlier)  # it was asked since the chunk was looked through
                elif self.afford(question):
                    self.twins[question.key] = []
                    yield question
                else:
                    self.budget_is_spent = True
                    return

    def afford(self, question: Question) -> bool:
        """Reserves what the question can cost at most, if that is left of the budget."""
        if self.order.budget is None:
            return True
        tokens = question.characters / CHARACTERS_PER_TOKEN
        most = self.order.cost(tokens, self.order.template.max_new_tokens) or 0.0
        if self.tally.cost + sum(self.tally.reserved.values()) + most > self.order.budget:
            return False
        self.tally.reserved[question.key] = most
        return True

    def take(self, question: Question, answer: Answer | Exception) -> None:
        """Store what came back; a question that got no reply can be asked again."""
        self.tally.reserved.pop(question.key, None)
        twins = self.twins.pop(question.key, [])
        if isinstance(answer, ContextTooLongError | WithheldAnswerError | ChatError):
            stored = self.store(question, Judgement(failure=str(answer)[:500]))
        elif isinstance(answer, Exception):
            self.tally.unanswered += 1 + len(twins)
            self.tally.in_a_row += 1
            self.tally.last_error = str(answer)
            return
        else:
            stored = self.store(question, self.judgement(answer))
        self.tally.in_a_row = 0
        for twin in twins:
            self.copy(twin, stored)

    def judgement(self, answer: Answer) -> Judgement:
        cost = self.order.cost(answer.prompt_tokens, answer.answer_tokens)
        row = Judgement(
            reply=answer.text,
            prompt_tokens=answer.prompt_tokens,
            completion_tokens=answer.answer_tokens,
            latency=answer.seconds,
            cost=cost,
        )
        try:
            row.points, row.preference = read_verdict(self.order.question, answer.text)
        except UnreadableError as error:
            cut = " (it was cut off at its longest)" if answer.finish_reason == "length" else ""
            row.failure = f"{error}{cut}"[:500]
        return row

    def store(self, question: Question, row: Judgement) -> Judgement:
        row.key, row.run, row.judge, row.template = question.key, self.run, self.order.judge, self.order.template
        wanted = question.wanted
        row.first_id, row.second_id, row.sample, row.attempt = wanted[1:]
        row.reply = row.reply.replace("\x00", "\ufffd")  # PostgreSQL can't store it
        Judgement.objects.bulk_create([row], ignore_conflicts=True)
        self.tally.asked += 1
        self.tally.unreadable += bool(row.failure)
        self.tally.prompt_tokens += row.prompt_tokens
        self.tally.completion_tokens += row.completion_tokens
        self.tally.cost += row.cost or 0.0
        self.gained += 1
        return Judgement.objects.get(
            judge=row.judge, template=row.template, first=row.first_id, second=row.second_id, sample=row.sample,
            attempt=row.attempt,
        )  # fmt: skip

    def copy(self, question: Question, earlier: Judgement) -> None:
        """The same question was asked before: its reply stands here too, and costs nothing. It is read anew, because
        another template may have asked in the same words."""
        row = Judgement(
            judge=self.order.judge, template=self.order.template, run=self.run, key=question.key, cached_from=earlier,
            reply=earlier.reply, failure=earlier.failure, points=earlier.points, preference=earlier.preference,
        )  # fmt: skip
        row.first_id, row.second_id, row.sample, row.attempt = question.wanted[1:]
        Judgement.objects.bulk_create([row], ignore_conflicts=True)
        self.tally.from_cache += 1
        self.tally.unreadable += bool(row.failure)
        self.gained += 1


def over_the_network(
    sampler: Sampler, waiting: Iterator[Question], order: JudgeOrder, should_stop: ShouldStop
) -> Iterator[Reply]:
    """Asks an endpoint, `concurrency` questions at a time; the client tries each several times where that can help. A
    stopped run takes the replies that come within seconds."""
    assert isinstance(sampler, Endpoint)  # noqa: S101 - for the type checker
    endpoint = replace(sampler, in_flight=order.concurrency)
    ask: Callable[[Endpoint, Request], Answer] = import_module("modeling.chat_completions").answer
    on_their_way: dict[Future[Answer], Question] = {}
    stopped_at = None
    pool = ThreadPoolExecutor(order.concurrency, thread_name_prefix="judge")
    try:
        while True:
            if should_stop():
                stopped_at = stopped_at or time.monotonic()
                if time.monotonic() - stopped_at > LAST_REPLIES:
                    return
            else:
                for question in islice(waiting, order.concurrency - len(on_their_way)):
                    on_their_way[pool.submit(ask, endpoint, _request(order, question))] = question
            if not on_their_way:
                return
            for future in wait(on_their_way, timeout=LOOK_EVERY, return_when=FIRST_COMPLETED).done:
                error = future.exception()
                if error is not None and not isinstance(error, EndpointError | ChatError):
                    raise error
                yield on_their_way.pop(future), error if isinstance(error, Exception) else future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def in_this_process(
    sampler: Sampler, waiting: Iterator[Question], order: JudgeOrder, should_stop: ShouldStop
) -> Iterator[Reply]:
    """Asks a checkpoint, some rows at a time."""
    while chunk := list(islice(waiting, ROWS)):
        try:
            for index, answer in sample_requests(sampler, [_request(order, each) for each in chunk], rows=ROWS):
                yield chunk[index], answer
                if should_stop():
                    return
        except (ChatError, SamplingError) as error:
            raise JobError(f"{order.judge}: {error}") from error


def _request(order: JudgeOrder, question: Question) -> Request:
    template = order.template
    return Request(
        [Message(role=message["role"], content=message["content"]) for message in question.messages],
        temperature=template.temperature,
        seed=question.seed,
        max_new_tokens=template.max_new_tokens,
    )
