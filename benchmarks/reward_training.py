"""Reward model training against TRL's RewardTrainer: pairs per second and peak memory on this machine's CPU.

    python -m venv PEER && PEER/bin/pip install torch==2.13.0 "trl==1.16.*" "datasets==5.2.*"
    python -m benchmarks.reward_training --peer-python PEER/bin/python --data PAIRS [--pairs 640] [--runs 3]

PAIRS holds preference pairs, one JSON object per line, gzipped where its name ends in .gz: the train.jsonl of a run's
folder, or lines {"messages": the prompt's, "chosen": text, "rejected": text} as of Anthropic's HH. Pairs of which a
dialogue is longer than --max-length are left out: RewardTrainer would drop them.

All train one epoch on the same pairs from the same checkpoint, in float32, with the same batch size, peak learning rate
and number of threads, each run in a process of its own, the sides in turn. `peer` is RewardTrainer as it stands, but
for bfloat16 and gradient checkpointing, which it has on by default and we have off; `grouped` is the same with batches
grouped by length; with --defaults, `defaults` is also measured: with both on, as it comes.

A run's figure is of its steps but the first, which is slower on all sides; RewardTrainer tokenizes before, our steps
tokenize within. Memory is the peak resident size of the whole process at the end of the training, Python and PyTorch
included. On a machine that does other work too, the cpu ratios, by the processor's time, are the steadier figures.
Accuracy is measured on the same held-out pairs by the same scorer, with Wilson's 95 % interval, of the first run.

The last line of the output is the result as JSON; what happens meanwhile goes to the standard error.
"""

import argparse
import gzip
import importlib.metadata
import json
import random
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.measuring import now, peak_megabytes, run_side

CHECKPOINT = Path(__file__).parent.parent / "modeling/demonstration/checkpoints/harbour-careful"
PEERS = ("peer", "grouped", "defaults")


def main() -> None:
    options = _options()
    if options.side:
        print(json.dumps(_ours(options) if options.side == "ours" else _peer(options)))
        return
    sides = ["ours", "peer", "grouped", *(["defaults"] if options.defaults else [])]
    runs: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
    with tempfile.TemporaryDirectory() as folder:
        options.work = Path(folder)
        _prepare(options)
        for number in range(options.runs):
            for side in sides:
                runs[side].append(_measure(options, side, number))
    print(json.dumps(_result(options, runs)))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--peer-python", type=Path, help="the Python of an environment with TRL 1.16")
    parser.add_argument("--data", type=Path, help="preference pairs, JSON lines")
    parser.add_argument("--defaults", action="store_true", help="also measure the peer with bfloat16 and checkpointing")
    parser.add_argument("--checkpoint", type=Path, default=CHECKPOINT)
    parser.add_argument("--pairs", type=int, default=640, help="to train on in a run")
    parser.add_argument("--held-out", type=int, default=600, help="pairs of which the accuracy is measured")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--max-length", type=int, default=512)
    parser.add_argument("--learning-rate", type=float, default=3e-4)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--side", choices=("ours", *PEERS), help=argparse.SUPPRESS)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--number", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not options.side and not (options.peer_python and options.data):
        parser.error("--peer-python (of an environment with TRL 1.16) and --data (preference pairs) are needed")
    return options


def _prepare(options: argparse.Namespace) -> None:
    """Writes what all sides read: train.jsonl and test.jsonl, pairs drawn at random that share no prompt."""
    from modeling.chat import ChatError, alternating, encode_dialogue
    from modeling.checkpoints import load_tokenizer

    tokenizer = load_tokenizer(options.checkpoint)
    pairs: dict[str, dict[str, Any]] = {}
    for row in _rows(options.data):
        prompt = row["messages"] if "messages" in row else row["prompt"]
        answers = [row[side] for side in ("chosen", "rejected")]
        answers = [[{"role": "assistant", "content": a}] if isinstance(a, str) else a for a in answers]
        try:
            dialogues = [alternating([*prompt, *answer]) for answer in answers]
            lengths = [sum(map(len, encode_dialogue(tokenizer, dialogue))) for dialogue in dialogues]
        except ChatError:
            continue
        if max(lengths) <= options.max_length and dialogues[0][:-1] == dialogues[1][:-1]:
            pair = {"prompt": dialogues[0][:-1], "chosen": dialogues[0][-1:], "rejected": dialogues[1][-1:]}
            pairs[json.dumps(pair["prompt"])] = pair | {"length": max(lengths)}
    needed = options.pairs + options.held_out
    if len(pairs) < needed:
        raise SystemExit(f"{options.data} holds {len(pairs)} pairs within {options.max_length} tokens; need {needed}")
    drawn = random.Random(0).sample(list(pairs.values()), needed)
    for name, part in (("train", drawn[: options.pairs]), ("test", drawn[options.pairs :])):
        lines = "".join(json.dumps(pair) + "\n" for pair in part)
        (options.work / f"{name}.jsonl").write_text(lines, encoding="utf-8")


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    for line in text.splitlines():
        yield json.loads(line)


def _measure(options: argparse.Namespace, side: str, number: int) -> dict[str, Any]:
    """Runs one side in a process of its own."""
    python = sys.executable if side == "ours" else options.peer_python
    names = ("checkpoint", "batch", "max_length", "learning_rate", "threads", "work")
    arguments = {name: getattr(options, name) for name in names}
    return run_side(python, "benchmarks.reward_training", side, {"side": side, "number": number} | arguments)


def _ours(options: argparse.Namespace) -> dict[str, Any]:
    import torch

    from modeling.reward_config import RewardConfig
    from modeling.train_reward import train

    torch.set_num_threads(options.threads)
    run = options.work / f"run-{options.number}"
    (run / "data").mkdir(parents=True)
    (run / "data" / "train.jsonl").write_text((options.work / "train.jsonl").read_text(encoding="utf-8"))
    (run / "data" / "test.jsonl").touch()
    config = RewardConfig(
        run_dir=run,
        base=options.checkpoint,
        batch_size=options.batch,
        learning_rate=options.learning_rate,
        max_length=options.max_length,
        margin="none",
        token_budget=1024,  # as modeling/configs/reward_small.yaml, for a model of this size
        seed=options.number,
        checkpoint_every=1_000_000,
    )
    times: list[tuple[float, float]] = []
    result = train(config, lambda progress: times.append(now()))
    return _figures(options, times, result.model)


def _peer(options: argparse.Namespace) -> dict[str, Any]:
    import torch
    from datasets import Dataset  # type: ignore[import-not-found]
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, TrainerCallback
    from trl import RewardConfig, RewardTrainer  # type: ignore[import-not-found]

    torch.set_num_threads(options.threads)
    torch.manual_seed(options.number)  # of the head
    rows = list(_rows(options.work / "train.jsonl"))
    folder = options.work / f"{options.side}-{options.number}"
    times: list[tuple[float, float]] = []

    class Clock(TrainerCallback):
        def on_step_end(self, *arguments: Any, **options: Any) -> None:
            times.append(now())

    settings: dict[str, Any] = {}
    if options.side != "defaults":
        settings |= {"bf16": False, "gradient_checkpointing": False}
    if options.side == "grouped":
        # the column with the lengths is kept for the sampler, which looks for it
        settings |= {"train_sampling_strategy": "group_by_length", "remove_unused_columns": False}
    trainer = RewardTrainer(
        model=AutoModelForSequenceClassification.from_pretrained(options.checkpoint, num_labels=1, dtype=torch.float32),
        processing_class=AutoTokenizer.from_pretrained(options.checkpoint),
        args=RewardConfig(
            output_dir=str(folder),
            num_train_epochs=1,
            per_device_train_batch_size=options.batch,
            learning_rate=options.learning_rate,
            max_length=options.max_length,
            seed=options.number,
            use_cpu=True,
            report_to="none",
            save_strategy="no",
            disable_tqdm=True,
            **settings,
        ),
        train_dataset=Dataset.from_list(rows),
        callbacks=[Clock()],
    )
    trainer.train()
    if len(times) != -(-len(rows) // options.batch):
        raise SystemExit(f"RewardTrainer took {len(times)} steps for {len(rows)} pairs: it dropped some")
    megabytes = peak_megabytes()
    trainer.save_model(str(folder / "model"))
    return _figures(options, times, folder / "model") | {
        "megabytes": megabytes,
        "version": f"TRL {importlib.metadata.version('trl')}",
    }


def _figures(options: argparse.Namespace, times: list[tuple[float, float]], model: Path) -> dict[str, Any]:
    """Rates over all steps but the first, memory as it is now, and then the accuracy of the model's folder."""
    from modeling.checkpoints import load_reward_model
    from modeling.metrics import accuracy
    from modeling.scoring import score

    megabytes = peak_megabytes()
    pairs = sum(1 for _ in _rows(options.work / "train.jsonl")) - options.batch
    seconds, cpu_seconds = (last - first for first, last in zip(times[0], times[-1], strict=True))
    reward_model = load_reward_model(model)
    held_out = list(_rows(options.work / "test.jsonl"))
    chosen, rejected = (
        score(reward_model, [(row["prompt"], row[side][0]["content"]) for row in held_out])
        for side in ("chosen", "rejected")
    )
    right = accuracy([good > bad for good, bad in zip(chosen, rejected, strict=True)])
    return {
        "rate": pairs / seconds,
        "cpu_rate": pairs / cpu_seconds,
        "megabytes": megabytes,
        "accuracy": right._asdict(),
    }


def _result(options: argparse.Namespace, runs: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    def median(side: str, name: str) -> float:
        return statistics.median(run[name] for run in runs[side])

    def ratio(side: str, name: str) -> float:
        return round(median("ours", name) / median(side, name), 3)

    result: dict[str, Any] = {
        "name": "reward_training",
        "unit": "pairs per second",
        "ours": round(median("ours", "rate"), 2),
        "peer": round(median("peer", "rate"), 2),
        "ratio": ratio("peer", "rate"),
        "cpu_ratio": ratio("peer", "cpu_rate"),
        "memory_ratio": ratio("peer", "megabytes"),
    }
    for side in runs.keys() - {"ours", "peer"}:
        result |= {
            side: round(median(side, "rate"), 2),
            f"{side}_ratio": ratio(side, "rate"),
            f"{side}_cpu_ratio": ratio(side, "cpu_rate"),
            f"{side}_memory_ratio": ratio(side, "megabytes"),
        }
    for side, measured in runs.items():
        first = measured[0]["accuracy"]
        result |= {
            f"{side}_megabytes": round(median(side, "megabytes")),
            f"{side}_runs": [round(run["rate"], 2) for run in measured],
            f"{side}_accuracy": {name: round(value, 4) for name, value in first.items()},
            f"{side}_accuracies": [round(run["accuracy"]["accuracy"], 4) for run in measured],
        }
    return result | {
        "peer_name": f"{runs['peer'][0]['version']} RewardTrainer",
        "peer_note": "float32 without gradient checkpointing, as ours; its defaults are bfloat16 and with",
        "pairs_per_run": options.pairs,
        "batch": options.batch,
        "max_length": options.max_length,
        "learning_rate": options.learning_rate,
        "precision": "float32",
        "threads": options.threads,
    }


if __name__ == "__main__":
    main()
