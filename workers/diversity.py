"""Sampling many answers to each prompt at several temperatures, and how alike they are (section 5.1, figure 21)."""

import time

from evaluation.diversity import figures_of
from modeling.chat import ChatError
from modeling.checkpoints import CheckpointError
from modeling.registry.models import Run
from modeling.sampling import SamplingError, sample_batch
from workers.campaign_sampling import model_called
from workers.carrying import JobError, ShouldStop, Stopped
from workers.kept_rows import KeptRows
from workers.loading import policy_of
from workers.runs import Report
from workers.training import folder_of


def sample_diversity(run: Run, should_stop: ShouldStop, report: Report) -> None:
    """Sample what is missing, a prompt's answers at a time into the run's answers.jsonl, then compare them.

    config: that of evaluation.diversity.start_diversity. A run that was interrupted samples nothing twice.
    """
    started, config = time.monotonic(), run.config
    models = [model_called(name) for name in config["models"]]
    kept = KeptRows(folder_of(run) / "answers.jsonl")
    done = {(row["model"], row["temperature"], row["prompt"]) for row in kept.rows}
    wanted = len(models) * len(config["temperatures"]) * len(config["prompts"])
    settings = {name: config[name] for name in ("top_p", "max_new_tokens", "seed")}
    for model in models:
        for temperature in config["temperatures"]:
            places = range(len(config["prompts"]))
            missing = [place for place in places if (model.name, temperature, place) not in done]
            if not missing:
                continue
            note = f"{model} at temperature {temperature:g}"
            report(len(kept.rows) / wanted, note)
            prompts = [config["prompts"][place]["messages"] for place in missing]
            try:
                batch = sample_batch(
                    policy_of(model), prompts, temperature=temperature, n=config["answers"], **settings
                )
                for index, answers in batch:
                    texts = [answer.text for answer in answers]
                    row = {"model": model.name, "temperature": temperature, "prompt": missing[index], "answers": texts}
                    kept.add([row])
                    report(len(kept.rows) / wanted, f"{note}: {len(kept.rows):,} of {wanted:,} prompts answered")
                    if should_stop():
                        raise Stopped
            except (CheckpointError, ChatError, SamplingError) as error:
                raise JobError(f"{model}: {error}") from error
    figures = figures_of(config, kept.rows) | {"seconds": round(time.monotonic() - started, 3)}
    Run.objects.filter(pk=run.pk).update(report=figures)
    report(1.0, f"{wanted * config['answers']:,} answers compared")
