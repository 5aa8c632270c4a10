"""Sampling against transformers' `generate`: useful tokens per second and peak memory on this machine's CPU.

    python -m benchmarks.sampling [--data DIALOGUES] [--prompts 64] [--answers 8] [--runs 3] [--threads 1]

Both sides answer the same prompts with the same checkpoint in the same precision with the same number of threads, each
run in a process of its own, the sides in turn. DIALOGUES holds JSON lines with "messages" that end with the user's
turn, gzipped where its name ends in .gz; without it, the demonstration world's short questions are asked. The peer's
batch size is the best of a sweep made first, and its prompts are sorted by length, which saves it padding. Useful
tokens are those of the answers, up to and with the end of the turn. Memory is the peak resident size of the whole
process, Python and PyTorch included. On a machine that does other work too, cpu_ratio, by the processor's time, is the
steadier figure.

The last line of the output is the result as JSON; what happens meanwhile goes to the standard error.
"""

import argparse
import gzip
import itertools
import json
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.measuring import now, peak_megabytes, run_side

CHECKPOINT = Path(__file__).parent.parent / "modeling/demonstration/checkpoints/harbour-careful"
TEMPERATURE, TOP_P = 1.0, 0.9
PEER_PROMPTS_AT_ONCE = (1, 2, 4, 8, 16, 32, 64)
"""The sweep: how many prompts `generate` gets at a time; its rows are as many times the answers per prompt."""


def main() -> None:
    options = _options()
    if options.side:
        print(json.dumps(_run_side(options)))
        return
    sweep = {}
    for size in PEER_PROMPTS_AT_ONCE:
        if size <= options.prompts:
            sweep[size] = _measure(options, "peer", size)["rate"]
            if sweep[size] < 0.6 * max(sweep.values()):
                break  # well past the best
    best = max(sweep, key=lambda size: sweep[size])
    ours, peer = [], []
    for _ in range(options.runs):
        ours.append(_measure(options, "ours"))
        peer.append(_measure(options, "peer", best))

    def median(runs: list[dict[str, Any]], name: str) -> float:
        return statistics.median(run[name] for run in runs)

    result = {
        "name": "sampling",
        "unit": "useful tokens per second",
        "ours": round(median(ours, "rate"), 1),
        "peer": round(median(peer, "rate"), 1),
        "ratio": round(median(ours, "rate") / median(peer, "rate"), 2),
        "cpu_ratio": round(median(ours, "cpu_rate") / median(peer, "cpu_rate"), 2),
        "memory_ratio": round(median(ours, "megabytes") / median(peer, "megabytes"), 3),
        "ours_megabytes": round(median(ours, "megabytes")),
        "peer_megabytes": round(median(peer, "megabytes")),
        "loaded_megabytes": round(median(ours, "loaded_megabytes")),
        "ours_runs": [round(run["rate"], 1) for run in ours],
        "peer_runs": [round(run["rate"], 1) for run in peer],
        "ours_mean_answer_tokens": round(statistics.mean(run["tokens"] / run["answers"] for run in ours), 1),
        "peer_mean_answer_tokens": round(statistics.mean(run["tokens"] / run["answers"] for run in peer), 1),
        "peer_sweep": {f"{size * options.answers} rows": round(rate, 1) for size, rate in sweep.items()},
        "peer_name": "transformers.generate",
        "prompts": options.prompts,
        "mean_prompt_tokens": ours[0]["mean_prompt_tokens"],
        "answers_per_prompt": options.answers,
        "max_new_tokens": options.max_new_tokens,
        "temperature": TEMPERATURE,
        "top_p": TOP_P,
        "precision": "float32",
        "threads": options.threads,
    }
    print(json.dumps(result))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--checkpoint", type=Path, default=CHECKPOINT)
    parser.add_argument("--data", type=Path, help="dialogues that wait for an answer, JSON lines")
    parser.add_argument("--prompts", type=int, default=64)
    parser.add_argument("--answers", type=int, default=8)
    parser.add_argument("--max-new-tokens", type=int, default=64)
    parser.add_argument("--rows", type=int, default=0, help="of ours, in flight at once; 0: its default")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--side", choices=("ours", "peer"), help=argparse.SUPPRESS)
    parser.add_argument("--at-once", type=int, default=1, help=argparse.SUPPRESS)
    return parser.parse_args()


def _measure(options: argparse.Namespace, side: str, at_once: int = 1) -> dict[str, Any]:
    """Runs one side in a process of its own."""
    names = ("checkpoint", "prompts", "answers", "max_new_tokens", "rows", "threads", "data")
    arguments = {name: getattr(options, name) for name in names}
    name = side if side == "ours" else f"{side}, {at_once * options.answers} rows"
    return run_side(sys.executable, "benchmarks.sampling", name, {"side": side, "at_once": at_once} | arguments)


def _run_side(options: argparse.Namespace) -> dict[str, Any]:
    import torch

    from modeling.chat import encode_prompt
    from modeling.checkpoints import load_policy

    torch.set_num_threads(options.threads)
    policy = load_policy(options.checkpoint)
    room = policy.model.config.max_position_embeddings - options.max_new_tokens
    fitting = (each for each in _dialogues(options) if len(encode_prompt(policy.tokenizer, each)) <= room)
    dialogues = list(itertools.islice(fitting, options.prompts))
    lengths = [len(encode_prompt(policy.tokenizer, each)) for each in dialogues]
    sample = _ours if options.side == "ours" else _peer
    sample(policy, dialogues[:2], options, 0)  # the first call of everything is slower
    loaded = peak_megabytes()
    before = now()
    tokens = sample(policy, dialogues, options, 1)
    seconds, busy = (end - start for start, end in zip(before, now(), strict=True))
    answers = len(dialogues) * options.answers
    return {
        "rate": tokens / seconds,
        "cpu_rate": tokens / busy,
        "tokens": tokens,
        "answers": answers,
        "seconds": seconds,
        "megabytes": peak_megabytes(),
        "loaded_megabytes": loaded,
        "mean_prompt_tokens": round(statistics.mean(lengths), 1),
    }


def _dialogues(options: argparse.Namespace) -> Iterator[list[Any]]:
    """Prompts to answer, in the order of the file or of the world."""
    from modeling.demonstration.world import prompts

    if options.data is None:
        yield from ([{"role": "user", "content": prompt.text}] for prompt in prompts("test", seed=0))
        return
    text = gzip.decompress(options.data.read_bytes()) if options.data.suffix == ".gz" else options.data.read_bytes()
    yield from (json.loads(line)["messages"] for line in text.decode().split("\n") if line.strip())


def _ours(policy: Any, dialogues: list[Any], options: argparse.Namespace, seed: int) -> int:
    """Samples with this project's engine; the number of useful tokens."""
    from modeling.sampling import sample_batch

    limits = {"rows": options.rows} if options.rows else {}
    answers = sample_batch(
        policy,
        dialogues,
        n=options.answers,
        temperature=TEMPERATURE,
        top_p=TOP_P,
        seed=seed,
        max_new_tokens=options.max_new_tokens,
        **limits,
    )
    return sum(len(answer.token_ids) for _, drawn in answers for answer in drawn)


def _peer(policy: Any, dialogues: list[Any], options: argparse.Namespace, seed: int) -> int:
    """Samples with transformers' generate, ``options.at_once`` prompts at a time; the number of useful tokens."""
    import torch

    from modeling.chat import encode_prompt, padding_id

    torch.manual_seed(seed)
    model, tokenizer = policy
    tokenizer.padding_side = "left"
    tokenizer.pad_token_id = padding_id(tokenizer)
    encoded = sorted((encode_prompt(tokenizer, messages) for messages in dialogues), key=len)
    useful = 0
    for start in range(0, len(encoded), options.at_once):
        batch = tokenizer.pad({"input_ids": encoded[start : start + options.at_once]}, return_tensors="pt")
        drawn = model.generate(
            **batch,
            do_sample=True,
            temperature=TEMPERATURE,
            top_p=TOP_P,
            top_k=0,
            num_return_sequences=options.answers,
            max_new_tokens=options.max_new_tokens,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )[:, batch["input_ids"].shape[1] :]
        ended = drawn == tokenizer.eos_token_id
        before_the_end = ended.cumsum(dim=1) - ended.long() == 0
        useful += int(before_the_end.sum())
    return useful


if __name__ == "__main__":
    main()
