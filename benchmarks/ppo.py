"""One iteration of PPO against TRL's: answers per second and peak memory on this machine's CPU.

    python -m benchmarks.ppo --peer-python PEER/bin/python [--batch 64] [--mini-batch 8] [--runs 3] [--threads 1]

An iteration samples a batch of answers, scores them with a reward model, compares them with the frozen reference, and
takes one gradient step per mini-batch. Both sides start from the same checkpoint and reward model, in float32, with the
same prompts, batch, mini-batch, longest answer and number of threads, each run in a process of its own, the sides in
turn. PEER is a virtual environment with TRL; TRL 1.12 is the newest one that has a PPO trainer (trl.experimental.ppo).
A run's figure is the median over its iterations but the first, which is slower on both sides. Memory is the peak
resident size of the whole process, Python and PyTorch included. On a machine that does other work too, cpu_ratio, by
the processor time of the same iterations, is the steadier figure.

TRL trains a value model beside the policy, as its trainer demands; ours is a head on the policy's trunk. That is a
difference of the recipes that counts in the figures.

The last line of the output is the result as JSON; what happens meanwhile goes to the standard error.
"""

import argparse
import importlib.metadata
import itertools
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.measuring import now, peak_megabytes, run_side

CHECKPOINT = Path(__file__).parent.parent / "modeling/demonstration/checkpoints/harbour-careless"
LEARNING_RATE, BETA = 1e-5, 0.02
"""Small enough that the answers stay what they were: every iteration has the same work."""


def main() -> None:
    options = _options()
    if options.side:
        print(json.dumps(_ours(options) if options.side == "ours" else _peer(options)))
        return
    with tempfile.TemporaryDirectory() as folder:
        options.work = Path(folder)
        _prepare(options)
        ours, peer = [], []
        for number in range(options.runs):
            ours.append(_measure(options, "ours", number))
            peer.append(_measure(options, "peer", number))

    def median(runs: list[dict[str, Any]], name: str) -> float:
        return statistics.median(run[name] for run in runs)

    result = {
        "name": "ppo_iteration",
        "unit": "answers per second",
        "ours": round(median(ours, "rate"), 2),
        "peer": round(median(peer, "rate"), 2),
        "ratio": round(median(ours, "rate") / median(peer, "rate"), 2),
        "cpu_ratio": round(median(ours, "cpu_rate") / median(peer, "cpu_rate"), 2),
        "memory_ratio": round(median(ours, "megabytes") / median(peer, "megabytes"), 3),
        "ours_megabytes": round(median(ours, "megabytes")),
        "peer_megabytes": round(median(peer, "megabytes")),
        "ours_runs": [round(run["rate"], 2) for run in ours],
        "peer_runs": [round(run["rate"], 2) for run in peer],
        "ours_cpu_seconds_per_iteration": round(options.batch / median(ours, "cpu_rate"), 2),
        "peer_cpu_seconds_per_iteration": round(options.batch / median(peer, "cpu_rate"), 2),
        "ours_seconds_per_iteration": round(options.batch / median(ours, "rate"), 2),
        "peer_seconds_per_iteration": round(options.batch / median(peer, "rate"), 2),
        "peer_name": peer[0]["version"],
        "peer_note": "newer versions of TRL have no PPO trainer",
        "batch": options.batch,
        "mini_batch": options.mini_batch,
        "iterations_per_run": options.iterations,
        "max_new_tokens": options.max_new_tokens,
        "precision": "float32",
        "threads": options.threads,
    }
    print(json.dumps(result))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--peer-python", type=Path, help="the Python of an environment with TRL")
    parser.add_argument("--checkpoint", type=Path, default=CHECKPOINT)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--mini-batch", type=int, default=8)
    parser.add_argument("--max-new-tokens", type=int, default=64)
    parser.add_argument("--iterations", type=int, default=4)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--side", choices=("ours", "peer"), help=argparse.SUPPRESS)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--number", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not options.side and not options.peer_python:
        parser.error("--peer-python is needed: the Python of an environment with TRL 1.12")
    return options


def _prepare(options: argparse.Namespace) -> None:
    """Writes what both sides read: a reward model with a random head, and the prompts."""
    import torch

    from modeling.checkpoints import new_reward_model, save
    from modeling.demonstration.world import prompts

    model, tokenizer = new_reward_model(options.checkpoint)
    torch.manual_seed(0)
    torch.nn.init.normal_(model.score.weight, std=0.1)
    save(model, tokenizer, options.work / "reward")
    asked = [{"messages": [{"role": "user", "content": prompt.text}]} for prompt in prompts("train", seed=0)]
    lines = [json.dumps(row) for row in asked[: options.batch * options.iterations]]
    (options.work / "prompts.jsonl").write_text("\n".join(lines), encoding="utf-8")


def _measure(options: argparse.Namespace, side: str, number: int) -> dict[str, Any]:
    """Runs one side in a process of its own."""
    python = sys.executable if side == "ours" else options.peer_python
    names = ("checkpoint", "batch", "mini_batch", "max_new_tokens", "iterations", "threads", "work")
    arguments = {name: getattr(options, name) for name in names}
    return run_side(python, "benchmarks.ppo", side, {"side": side, "number": number} | arguments)


def _ours(options: argparse.Namespace) -> dict[str, Any]:
    import torch

    from modeling.ppo_config import PPOConfig
    from modeling.train_ppo import train

    torch.set_num_threads(options.threads)
    run = options.work / f"run-{options.number}"
    (run / "data").mkdir(parents=True)
    (run / "data" / "prompts.jsonl").write_text((options.work / "prompts.jsonl").read_text())
    config = PPOConfig(
        run_dir=run,
        base=options.checkpoint,
        helpfulness_reward=options.work / "reward",
        iterations=options.iterations,
        batch_size=options.batch,
        mini_batch_size=options.mini_batch,
        learning_rate=LEARNING_RATE,
        beta=BETA,
        max_new_tokens=options.max_new_tokens,
        max_length=512,
        token_budget=2048,
        sampling_rows=options.batch,
        seed=options.number,
    )
    times = [now()]
    tokens: list[float] = []

    def note(progress: Any) -> None:
        times.append(now())
        tokens.append(progress.figures["answer_tokens"])

    train(config, note)
    return _figures(options, times, {"answer_tokens": statistics.mean(tokens)})


def _peer(options: argparse.Namespace) -> dict[str, Any]:
    import torch
    from datasets import Dataset  # type: ignore[import-not-found]
    from transformers import (
        AutoModelForCausalLM,
        AutoModelForSequenceClassification,
        AutoTokenizer,
        TrainerCallback,
    )
    from trl.experimental.ppo import PPOConfig, PPOTrainer  # type: ignore[import-not-found]

    torch.set_num_threads(options.threads)
    tokenizer = AutoTokenizer.from_pretrained(options.checkpoint, padding_side="left")
    policy, reference = (
        AutoModelForCausalLM.from_pretrained(options.checkpoint, dtype=torch.float32) for _ in range(2)
    )
    reward, value = (
        AutoModelForSequenceClassification.from_pretrained(options.work / "reward", dtype=torch.float32, num_labels=1)
        for _ in range(2)
    )
    rows = [json.loads(line) for line in (options.work / "prompts.jsonl").read_text().splitlines()]
    encoded = [
        tokenizer.apply_chat_template(row["messages"], add_generation_prompt=True, return_dict=False) for row in rows
    ]
    times = [now()]

    class Clock(TrainerCallback):
        def on_step_end(self, *arguments: Any, **options: Any) -> None:
            times.append(now())

    settings = PPOConfig(
        output_dir=str(options.work / f"peer-{options.number}"),
        total_episodes=options.batch * options.iterations,
        per_device_train_batch_size=options.batch,  # of which num_mini_batches make a gradient step each
        gradient_accumulation_steps=1,
        num_mini_batches=options.batch // options.mini_batch,
        num_ppo_epochs=1,
        local_rollout_forward_batch_size=options.batch,
        response_length=options.max_new_tokens,
        stop_token="eos",  # noqa: S106 - the end of the turn
        temperature=1.0,
        learning_rate=LEARNING_RATE,
        lr_scheduler_type="constant",
        kl_coef=BETA,
        num_sample_generations=0,
        seed=options.number,
        bf16=False,
        use_cpu=True,
        gradient_checkpointing=False,
        report_to="none",
        save_strategy="no",
        disable_tqdm=True,
    )
    trainer = PPOTrainer(
        args=settings,
        processing_class=tokenizer,
        model=policy,
        ref_model=reference,
        reward_model=reward,
        value_model=value,
        train_dataset=Dataset.from_dict({"input_ids": encoded}),
        eval_dataset=Dataset.from_dict({"input_ids": encoded[:1]}),
        callbacks=[Clock()],
    )
    times[0] = now()
    trainer.train()
    return _figures(options, times, {"version": f"TRL {importlib.metadata.version('trl')}"})


def _figures(options: argparse.Namespace, times: list[tuple[float, float]], more: dict[str, Any]) -> dict[str, Any]:
    rates = []
    for kind in (0, 1):
        seconds = [later[kind] - earlier[kind] for earlier, later in itertools.pairwise(times[1:])]
        rates.append(options.batch / statistics.median(seconds))
    peak = peak_megabytes()
    return {"rate": rates[0], "cpu_rate": rates[1], "megabytes": peak, **more}


if __name__ == "__main__":
    main()
