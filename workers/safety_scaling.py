"""Safety data scaling (section 4.2.3, figure 15): a policy is fine-tuned with ever more of the safety demonstrations,
and both reward models score its answers to held-out prompts.

Each training is a run of its own, made by this one and carried out within it; the smaller subsets are parts of the
larger ones. Answers are kept with their scores as they come: what is done is not done again.
"""

import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from evaluation.campaigns import check_sampling
from evaluation.safety.scaling import AXES, SHARES, Row, check_shares, figures_of, subset
from modeling.chat import ChatError
from modeling.checkpoints import CheckpointError
from modeling.registry.jobs import claim
from modeling.registry.models import Job, ModelVersion, Run
from modeling.sampling import SamplingError, sample_batch
from modeling.scoring import score
from workers.campaign_sampling import model_called
from workers.carrying import JobError, ShouldStop, Stopped, carry_out
from workers.kept_rows import KeptRows
from workers.loading import policy_of, reward_model_of
from workers.recipes import SFT
from workers.runs import Report, executing
from workers.starting import Order, check_name, check_order, resume_run, start_training
from workers.training import folder_of

AT_ONCE = 64
"""Prompts whose answers are scored and kept together."""
SAMPLING_SHARE = 0.3
"""Of the progress: what answering takes beside training, about."""


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """What is asked for. Demonstrations are rows of sft_data, held-out prompts rows of prompt_data."""

    name: str
    """The models are called this and their share of the safety data in percent."""
    base: ModelVersion
    judges: dict[str, ModelVersion]
    """The reward model of each axis."""
    demonstrations: dict[str, list[Row]]
    """By axis; the helpfulness ones train every model in full."""
    held_out: dict[str, list[Row]]
    """By axis."""
    shares: Sequence[float] = SHARES
    settings: dict[str, Any] = field(default_factory=dict)
    """Of the fine-tunings."""
    draws: int = 1
    temperature: float = 0.7
    top_p: float = 1.0
    max_new_tokens: int = 256
    seed: int = 0


def start_scaling(asked: Scaling) -> Run:
    """A run that waits to be carried out, with its data in its folder. Raises ValidationError, and then nothing was
    made."""
    shares = check_shares(asked.shares)
    check_name(asked.name)
    check_sampling(asked.temperature, asked.top_p, asked.max_new_tokens)
    if asked.draws < 1:
        raise ValidationError(f"draws must be at least 1, got {asked.draws}")
    for axis in AXES:
        kind = ModelVersion.Kind(f"{axis}_reward")
        if asked.judges[axis].kind != kind or asked.judges[axis].backend != ModelVersion.Backend.LOCAL:
            raise ValidationError(f"{asked.judges[axis]} can't score {axis} here: choose a local {kind.label}.")
        for what, rows in (("demonstrations", asked.demonstrations), ("held-out prompts", asked.held_out)):
            if not rows[axis]:
                raise ValidationError(f"There are no {what} of {axis}.")
    place = Path("train.jsonl")
    for share in shares:
        name = model_name(asked.name, share)
        check_order(
            Order(recipe=SFT, name=name, models={"base": asked.base}, files={"data": place}, settings=asked.settings)
        )
    config = {
        "name": asked.name,
        "base": asked.base.name,
        **{f"{axis}_reward": asked.judges[axis].name for axis in AXES},
        "shares": shares,
        "examples": {f"{share:g}": len(subset(asked.demonstrations["safety"], share, asked.seed)) for share in shares},
        "draws": asked.draws,
        **{name: getattr(asked, name) for name in ("temperature", "top_p", "max_new_tokens", "seed", "settings")},
    }
    with transaction.atomic():
        run = Run.objects.create(kind=Run.Kind.SAFETY_SCALING, name=asked.name, config=config)
        run.inputs.set([asked.base, *asked.judges.values()])
        write_data(folder_of(run), asked, shares)
    return run


def write_data(folder: Path, asked: Scaling, shares: Sequence[float]) -> None:
    """The demonstrations of each share, and the held-out prompts of each axis."""
    for share in shares:
        rows = [*asked.demonstrations["helpfulness"], *subset(asked.demonstrations["safety"], share, asked.seed)]
        write_rows(data_file(folder, share), rows)
    for axis in AXES:
        write_rows(held_out_file(folder, axis), asked.held_out[axis])


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows), encoding="utf-8")


def data_file(folder: Path, share: float) -> Path:
    return folder / "data" / f"share-{words_of(share)}.jsonl"


def held_out_file(folder: Path, axis: str) -> Path:
    return folder / "data" / f"held-out-{axis}.jsonl"


def model_name(name: str, share: float) -> str:
    return f"{name}-{words_of(share)}"


def words_of(share: float) -> str:
    """A share in percent, as names may hold it: 0, 1, 2_5, 100."""
    return f"{100 * share:g}".replace(".", "_")


# Carrying out ---------------------------------------------------------------------------------------------------------


def scale_safety_data(run: Run, should_stop: ShouldStop, report: Report) -> None:
    """Train what is not trained, answer and score what is missing, then the figures.

    config: that of start_scaling; the folder holds the data. Raises JobError and Stopped.
    """
    started, config, folder = time.monotonic(), run.config, folder_of(run)
    judges = {axis: model_called(config[f"{axis}_reward"]) for axis in AXES}
    held_out = {axis: read_rows(held_out_file(folder, axis)) for axis in AXES}
    shares, trained_share = config["shares"], (1 - SAMPLING_SHARE) / len(config["shares"])
    kept = KeptRows(folder / "answers.jsonl")
    for place, share in enumerate(shares):
        before = place / len(shares)

        def show(done: float, note: str, before: float = before, share: float = share) -> None:
            report(min(before + trained_share * done, 0.999), f"{100 * share:g} % of the safety data: {note}")

        model = trained(run, share, data_file(folder, share), should_stop, show)
        for axis in AXES:
            answer_and_score(run, model, share, axis, judges[axis], held_out[axis], kept, should_stop, show)
    examples = {share: config["examples"][f"{share:g}"] for share in shares}
    figures = figures_of(shares, examples, kept.rows)
    figures |= {"models": {f"{share:g}": model_name(config["name"], share) for share in shares}}
    figures |= {"judges": {axis: judges[axis].name for axis in AXES}, "seconds": round(time.monotonic() - started, 3)}
    Run.objects.filter(pk=run.pk).update(report=figures)
    report(1.0, f"{len(shares)} models on {sum(map(len, held_out.values())):,} held-out prompts")


def read_rows(path: Path) -> list[Row]:
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]
    except OSError as error:
        raise JobError(f"The run's data is gone: can't read {path} ({error.strerror}). Start a new one.") from error


def trained(run: Run, share: float, data: Path, should_stop: ShouldStop, show: Report) -> ModelVersion:
    """The model of a share, by a training run that is made, gone on with, or done already."""
    name = model_name(run.config["name"], share)
    own = Run.objects.filter(kind=SFT.kind, name=name, config__files__data=str(data)).order_by("-pk")
    with transaction.atomic():
        training = own.first()
        if training is not None and training.status == Job.Status.DONE and training.output:
            return training.output
        try:
            if training is None:
                training = start_training(
                    Order(
                        recipe=SFT,
                        name=name,
                        models={"base": model_called(run.config["base"])},
                        files={"data": data},
                        settings={"seed": run.config["seed"], **run.config["settings"]},
                    ),
                    run.created_by,
                )
            elif training.status in (Job.Status.FAILED, Job.Status.CANCELLED):
                resume_run(training)
        except ValidationError as error:
            raise JobError(" ".join(error.messages)) from error
        claimed = claim(Run, training.pk)
    if claimed is None:
        raise JobError(f"Run {training.pk}, which trains {name}, is in another process: go on when it is over.")
    carry_out(claimed, executing(show), asked_to_end=should_stop)
    claimed.refresh_from_db()
    if claimed.status == Job.Status.FAILED:
        raise JobError(f"Run {claimed.pk}, which trains {name}, failed: {claimed.error}")
    if claimed.output is None:
        raise Stopped
    return claimed.output


def answer_and_score(
    run: Run,
    model: ModelVersion,
    share: float,
    axis: str,
    judge: ModelVersion,
    prompts: Sequence[Row],
    kept: KeptRows,
    should_stop: ShouldStop,
    show: Report,
) -> None:
    """Keep the model's answers to an axis's prompts with the judge's scores, where they are not kept yet."""
    done = {row["prompt"] for row in kept.rows if (row["share"], row["axis"]) == (share, axis)}
    missing = [place for place in range(len(prompts)) if place not in done]
    if not missing:
        return
    settings = {name: run.config[name] for name in ("temperature", "top_p", "max_new_tokens", "seed")}
    try:
        messages = [prompts[place]["messages"] for place in missing]
        batch = sample_batch(policy_of(model), messages, n=run.config["draws"], **settings)
        answered: Iterator[tuple[int, list[str]]] = (
            (missing[index], [answer.text for answer in answers]) for index, answers in batch
        )
        for group in grouped(answered, AT_ONCE, should_stop):
            exchanges = [(prompts[place]["messages"], text) for place, texts in group for text in texts]
            scores = score(reward_model_of(judge), exchanges)
            if not all(map(math.isfinite, scores)):
                raise JobError(f"{judge} gives scores that are not finite numbers: its training went wrong.")
            values = iter(scores)
            kept.add(
                {"share": share, "axis": axis, "prompt": place, "answer": text, "score": next(values)}
                for place, texts in group
                for text in texts
            )
            done |= {place for place, _ in group}
            show(1.0, f"{len(done):,} of {len(prompts):,} {axis} prompts answered")
    except (CheckpointError, ChatError, SamplingError) as error:
        raise JobError(f"{model} or {judge}: {error}") from error


def grouped(
    items: Iterator[tuple[int, list[str]]], size: int, should_stop: Callable[[], bool]
) -> Iterator[list[tuple[int, list[str]]]]:
    """So many at a time. Raises Stopped."""
    group: list[tuple[int, list[str]]] = []
    for item in items:
        if should_stop():
            raise Stopped
        group.append(item)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group
