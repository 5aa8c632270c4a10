"""Collecting a batch of preferences for an iteration: answers of the newest models, judged by whoever judges.

Two variants of the pool answer each prompt, two models at two temperatures where it has them (section 3.2.1). With real
annotators the batch is opened and its prompts queue for them; with simulated ones it is sampled, judged and stored at
once, in the same rows as people's work.
"""

import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np
from django.db import transaction
from django.utils import timezone

from annotation import tallies
from annotation.batches import batch_called, close_batch, open_batch
from annotation.comparing import Judgement
from annotation.dialogues import PoolTooSmallError, contrasting_pair
from annotation.models import Assignment, Batch, Comparison, Item, PoolEntry, Preference, Project, Prompt, Response
from evaluation.statistics.agreement import gwet
from modeling.chat import ChatError
from modeling.checkpoints import CheckpointError
from modeling.registry.models import Job, ModelVersion, Run
from modeling.sampling import Answer, Request, SamplingError, sample_requests
from workers.carrying import JobError, ShouldStop, Stopped
from workers.loading import policy_of
from workers.runs import Report
from workers.simulating import SOURCE, Gold, Noise, Person, annotators, gold_of, judge

SIMULATED, REAL = "simulated", "real"
CHUNK = 500
"""Rows per statement."""
SUBMITTED = Assignment.Status.SUBMITTED
REDRAWS = 3
"""How often the pairs of simulated annotators are drawn anew where both answers are the same, word for word: such a
pair tells nothing about either, and two good models often say the same."""
Share = Callable[[int, int], None]
"""Takes how many answers are sampled, of how many."""


@dataclass(frozen=True)
class Draw:
    """One comparison to be: a prompt, the variants that answer it on either side, and the seeds of their answers."""

    prompt: Prompt
    variants: tuple[PoolEntry, PoolEntry]
    seeds: tuple[int, int]

    def request(self, side: int) -> Request:
        variant = self.variants[side]
        return Request(
            self.prompt.messages, variant.temperature, variant.top_p, self.seeds[side], variant.max_new_tokens
        )


def collect(run: Run, should_stop: ShouldStop, report: Report) -> None:
    """Collect the batch in every project that doesn't have it yet.

    config: {"batch": name, "annotators": "simulated" or "real", "wanted": {slug: comparisons}, "seed", and for
    simulated ones "people", "shared" (the share of the items that all of them judge), "tau", "slips"}.
    """
    started = time.monotonic()
    figures: dict[str, Any] = {"annotators": run.config["annotators"], "comparisons": {}, "agreement": {}}
    wanted: dict[str, int] = run.config["wanted"]
    for place, slug in enumerate(sorted(wanted)):
        try:
            project = Project.objects.get(slug=slug)
        except Project.DoesNotExist as error:
            raise JobError(f'Project "{slug}" is no longer there.') from error

        def share(done: int, of: int, place: int = place, slug: str = slug) -> None:
            report((place + done / max(of, 1)) / len(wanted), f"{slug}: {done:,} of {of:,} answers sampled")

        if batch_called(run.config["batch"], project) is None:
            if run.config["annotators"] == REAL:
                queue(project, wanted[slug], run.config)
            else:
                simulate(project, wanted[slug], run.config, should_stop, share)
        figures["comparisons"][slug] = project.comparisons.filter(
            batch=batch_called(run.config["batch"], project)
        ).count()
        figures["agreement"][slug] = agreement(project, run.config["batch"])
    Run.objects.filter(pk=run.pk).update(report=figures | {"seconds": round(time.monotonic() - started, 3)})
    report(1.0, ", ".join(f"{count:,} comparisons in {slug}" for slug, count in figures["comparisons"].items()))


def missing_judgements(project: Project, batch: str) -> int:
    """How many judgements the batch still waits for."""
    found = batch_called(batch, project)
    if found is None or found.target is None:
        return 0
    return max(0, found.target - Preference.objects.filter(comparison__batch=found, current=True).count())


# Real annotators ------------------------------------------------------------------------------------------------------


@transaction.atomic
def queue(project: Project, wanted: int, config: dict[str, Any]) -> None:
    """Open the batch with as many places as judgements are wanted. Answers are sampled from the pool when an annotator
    takes a place; the dialogue goes on from the chosen one."""
    batch = open_batch(project, config["batch"], target=wanted)
    count = math.ceil(wanted / project.overlap)
    drawn = islice(endlessly(prompts_of(project), chance_of(project, config)), count)
    items = Item.objects.bulk_create(
        (Item(project=project, batch=batch, prompt=prompt) for prompt in drawn), batch_size=CHUNK
    )
    Assignment.objects.bulk_create(
        (Assignment(item=item) for item in items for _ in range(project.overlap)), batch_size=CHUNK
    )


# Simulated annotators -------------------------------------------------------------------------------------------------


def simulate(project: Project, wanted: int, config: dict[str, Any], should_stop: ShouldStop, share: Share) -> None:
    """Sample the answers, then judge and store them in one transaction: the batch is there whole, or not at all."""
    chance = chance_of(project, config)
    draws = draw(project, wanted, chance)
    answers = differing(draws, chance, should_stop, share)
    people = annotators(config["people"], [project])
    with transaction.atomic():
        batch = open_batch(project, config["batch"], target=wanted)
        store(draws, answers, batch, people, config, chance)
        close_batch(batch)


def draw(project: Project, wanted: int, chance: random.Random) -> list[Draw]:
    """The comparisons to be made. Raises JobError where the pool is too small."""
    pool = list(project.pool.filter(active=True).select_related("model_version").order_by("pk"))
    try:
        return [
            Draw(prompt, contrasting_pair(pool, chance), (chance.getrandbits(62), chance.getrandbits(62)))
            for prompt in islice(endlessly(prompts_of(project), chance), wanted)
        ]
    except PoolTooSmallError as error:
        raise JobError(f'The sampling pool of "{project.slug}" needs two active variants.') from error


def differing(
    draws: list[Draw], chance: random.Random, should_stop: ShouldStop, share: Share
) -> list[tuple[Answer, Answer]]:
    """Both answers of every draw, drawn anew up to REDRAWS times where they are the same text; the draws take the seeds
    of the answers that were kept."""
    answers = answer(draws, should_stop, share)
    for _ in range(REDRAWS):
        alike = [index for index, (one, other) in enumerate(answers) if one.text == other.text]
        if not alike:
            break
        for index in alike:
            draws[index] = replace(draws[index], seeds=(chance.getrandbits(62), chance.getrandbits(62)))
        anew = answer([draws[index] for index in alike], should_stop, lambda done, of: None)
        for index, both in zip(alike, anew, strict=True):
            answers[index] = both
    return answers


def answer(draws: Sequence[Draw], should_stop: ShouldStop, share: Share) -> list[tuple[Answer, Answer]]:
    """Both answers of every draw; each model's are sampled together, at whatever temperatures."""
    by_model: dict[ModelVersion, list[tuple[int, int]]] = {}
    for index, each in enumerate(draws):
        for side, variant in enumerate(each.variants):
            by_model.setdefault(variant.model_version, []).append((index, side))
    answers: dict[tuple[int, int], Answer] = {}
    for model, places in by_model.items():
        requests = [draws[index].request(side) for index, side in places]
        try:
            for position, found in sample_requests(policy_of(model), requests):
                if should_stop():
                    raise Stopped
                answers[places[position]] = found
                share(len(answers), 2 * len(draws))
        except (CheckpointError, ChatError, SamplingError) as error:
            raise JobError(f"{model}: {error}") from error
    return [(answers[index, 0], answers[index, 1]) for index in range(len(draws))]


def store(
    draws: Sequence[Draw],
    answers: Sequence[tuple[Answer, Answer]],
    batch: Batch,
    people: Sequence[Person],
    config: dict[str, Any],
    chance: random.Random,
) -> None:
    """The rows that people's work leaves: responses, items, places, comparisons and preferences."""
    project, now = batch.project, timezone.now()
    responses = Response.objects.bulk_create(
        (response_of(each, side, both[side]) for each, both in zip(draws, answers, strict=True) for side in (0, 1)),
        batch_size=CHUNK,
    )
    pairs = list(zip(responses[::2], responses[1::2], strict=True))
    items = Item.objects.bulk_create(
        (
            Item(project=project, batch=batch, prompt=each.prompt, response_1=pair[0], response_2=pair[1])
            for each, pair in zip(draws, pairs, strict=True)
        ),
        batch_size=CHUNK,
    )
    shared = round(config["shared"] * len(draws))
    judges = [people if index < shared else [people[index % len(people)]] for index in range(len(draws))]
    places = Assignment.objects.bulk_create(
        (
            Assignment(
                item=item, annotator=person, status=Assignment.Status.SUBMITTED, started_at=now, submitted_at=now
            )
            for item, persons in zip(items, judges, strict=True)
            for person in persons
        ),
        batch_size=CHUNK,
    )
    pair_of = {item.pk: pair for item, pair in zip(items, pairs, strict=True)}
    shown = [swapped_at_random(pair_of[place.item_id], chance) for place in places]
    comparisons = Comparison.objects.bulk_create(
        (
            Comparison(
                project=project,
                batch=batch,
                prompt_id=place.item.prompt_id,
                response_a=a,
                response_b=b,
                assignment=place,
                annotator=place.annotator,
                source=SOURCE,
                status=Job.Status.DONE,
                shown_at=now,
                finished_at=now,
            )
            for place, (a, b) in zip(places, shown, strict=True)
        ),
        batch_size=CHUNK,
    )
    golds = golds_of(draws, pairs, is_safety=project.is_safety)
    noise, guideline = Noise(config["tau"], config["slips"]), project.guideline
    Preference.objects.bulk_create(
        (
            preference_of(
                comparison,
                judge(
                    golds[comparison.response_a_id],
                    golds[comparison.response_b_id],
                    marks_safety=project.marks_safety,
                    noise=noise,
                    chance=chance,
                ),
                guideline,
            )
            for comparison in comparisons
        ),
        batch_size=CHUNK,
    )
    tallies.touch_project(project)


def response_of(each: Draw, side: int, found: Answer) -> Response:
    variant = each.variants[side]
    return Response(
        prompt=each.prompt,
        text=found.text,
        model_version=variant.model_version,
        temperature=variant.temperature,
        top_p=variant.top_p,
        max_new_tokens=variant.max_new_tokens,
        seed=each.seeds[side],
        prompt_tokens=found.prompt_tokens,
        completion_tokens=found.answer_tokens,
        finish_reason=found.finish_reason,
        latency=found.seconds,
    )


def golds_of(draws: Sequence[Draw], pairs: Sequence[tuple[Response, Response]], *, is_safety: bool) -> dict[int, Gold]:
    """The gold of every response, by its key."""
    return {
        response.pk: gold_of(each.prompt.messages, response.text, is_safety=is_safety)
        for each, pair in zip(draws, pairs, strict=True)
        for response in pair
    }


def preference_of(comparison: Comparison, said: Judgement, guideline: Any) -> Preference:
    return Preference(
        comparison=comparison,
        choice=said.choice,
        points=said.points,
        scale=said.scale,
        a_safe=said.a_safe,
        b_safe=said.b_safe,
        guideline=guideline,
    )


def agreement(project: Project, batch: str) -> dict[str, Any] | None:
    """Gwet's AC1 on which answer is better, over the batch's items that several annotators judged; None without any.

    Every vote is oriented alike, whichever side the annotator saw an answer on.
    """
    votes: dict[int, list[float]] = {}
    rows = Preference.objects.filter(
        comparison__batch=batch_called(batch, project),
        comparison__assignment__item__response_1__isnull=False,
        current=True,
        choice__in=(Preference.Choice.A, Preference.Choice.B),
    ).values_list(
        "comparison__assignment__item", "comparison__assignment__item__response_1", "comparison__response_a", "choice"
    )
    for item, first, shown_as_a, choice in rows.order_by("pk"):
        votes.setdefault(item, []).append(float((choice == Preference.Choice.A) == (first == shown_as_a)))
    shared = [found for found in votes.values() if len(found) > 1]
    if not shared:
        return None
    table = np.full((len(shared), max(map(len, shared))), np.nan)
    for row, found in zip(table, shared, strict=True):
        row[: len(found)] = found
    ac1 = gwet(table, categories=(0.0, 1.0))
    return {"ac1": ac1.value, "interval": ac1.interval, "items": len(shared)}


# Drawing --------------------------------------------------------------------------------------------------------------


def prompts_of(project: Project) -> list[Prompt]:
    """The prompts to draw from, of both sides of the split: the held-out comparisons measure the reward models."""
    found = [prompt for prompt in project.prompts.order_by("pk") if prompt.turn == 1]
    if not found:
        raise JobError(f'"{project.slug}" has no prompts: import some first.')
    return found


def endlessly(prompts: Sequence[Prompt], chance: random.Random) -> Iterator[Prompt]:
    """The prompts in random order; when all were drawn, in a new one."""
    while True:
        yield from chance.sample(prompts, len(prompts))


def chance_of(project: Project, config: dict[str, Any]) -> random.Random:
    """Random numbers that are the batch's own: a collection that was interrupted draws the same again."""
    return random.Random(f"{config['seed']} {config['batch']} {project.slug}")


def swapped_at_random(pair: tuple[Response, Response], chance: random.Random) -> tuple[Response, Response]:
    return pair if chance.random() < 0.5 else pair[::-1]
