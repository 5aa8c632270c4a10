"""How cost grows with the sequence's length, K and the batch, for sampling, fine-tuning and reward training.

    python -m benchmarks.scaling [--shape demonstration] [--device cpu] [--precision float32] [--threads 1] [--peer]
    python -m benchmarks.scaling --shape llama-2-7b --device cuda --precision bfloat16

Each row of the table is measured in a process of its own, one dimension varied at a time: seconds, of the clock and of
the processor (the median of a few steps after a first that counts nothing), tokens per second, peak memory, and model
FLOPs utilisation. The shape `demonstration` is the shipped checkpoint; the others have random weights. Token ids are
drawn at random, and answers are never ended before their length, so that a row's work is a function of its numbers:

- sampling: batch prompts of so many tokens, K answers each of --new-tokens; tokens per second are those of the answers.
  With --peer, transformers' `generate` does the same in one batch.
- sft: one optimizer step (the Learner's: AdamW, clipping) on batch sequences of so many tokens, all of them trained.
- reward: one optimizer step on batch pairs, of each half the tokens the prompt's and a quarter each answer's.

FLOPs are the model's, not the hardware's: of a token 2 x the weights of the matrices it passes (the head's only where
logits are computed), and 4 x layers x heads x head size x tokens that it sees for attention; a training step is three
times its forward, nothing recomputed counted (Chowdhery et al. 2022, appendix B). Utilisation is their rate over the
peak: --peak-tflops, or what is known of the device, or else the best rate of a large matrix product, measured; on the
CPU both by the processor's time, since the machine may have other work.

On CUDA the precision of training is mixed (weights and optimizer in float32) and memory is the most that PyTorch
allocated; on the CPU it is the whole process's peak resident size. A row that runs out of memory says so.
The last line of the output is the table as JSON; a readable one goes to the standard error.
"""

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from benchmarks.measuring import now, peak_megabytes, run_side

CHECKPOINT = Path(__file__).parent.parent / "modeling/demonstration/checkpoints/harbour-careful"
SHAPES: dict[str, dict[str, int]] = {
    "tiny": {
        "vocab_size": 256,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "max_position_embeddings": 4096,
    },
    "llama-2-7b": {
        "vocab_size": 32000,
        "hidden_size": 4096,
        "intermediate_size": 11008,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 32,
        "max_position_embeddings": 4096,
    },
}
SWEEPS: dict[str, dict[str, dict[str, list[int]]]] = {
    "small": {
        "sampling": {"length": [64, 256, 768], "answers": [1, 4, 16], "batch": [4, 16, 64]},
        "sft": {"length": [128, 256, 512, 1024], "batch": [4, 16, 64]},
        "reward": {"length": [128, 256, 512, 1024], "batch": [4, 16, 64]},
    },
    "large": {
        "sampling": {"length": [512, 1024, 3072], "answers": [1, 4, 16], "batch": [8, 32]},
        "sft": {"length": [512, 1024, 2048, 4096], "batch": [4, 16]},
        "reward": {"length": [512, 1024, 2048, 4096], "batch": [4, 16]},
    },
    "least": {
        "sampling": {"length": [8], "answers": [2], "batch": [2]},
        "sft": {"length": [16], "batch": [2]},
        "reward": {"length": [16], "batch": [2]},
    },
}
"""By work, what is varied: the numbers in the middle hold while another is varied."""
PEAKS = {"A100": 312.0, "H100": 989.0, "H200": 989.0}
"""Dense bfloat16 TFLOP/s by a part of the device's name, as its vendor states them."""
COLUMNS = ("work", "length", "answers", "batch", "seconds", "cpu_seconds", "rate", "megabytes", "utilisation")
PEER_COLUMNS = ("peer_seconds", "peer_megabytes", "ratio")


def main(arguments: list[str] | None = None) -> None:
    options = _options(arguments)
    if options.work:
        print(json.dumps(_measured(options)))
        return
    rows = []
    for point in points(SWEEPS[options.sweep]):
        row = point | _row(options, point, "ours")
        if options.peer and point["work"] == "sampling" and "error" not in row:
            peer = _row(options, point, "peer")
            row |= {f"peer_{name}": peer.get(name) for name in ("seconds", "cpu_seconds", "megabytes")}
            row["ratio"] = round(peer["seconds"] / row["seconds"], 2) if "seconds" in peer else None
        rows.append(row)
    print(_readable(rows, options.peer), file=sys.stderr)
    chosen = ("shape", "device", "precision", "threads", "new_tokens", "token_budget")
    print(json.dumps({"name": "scaling", **{name: getattr(options, name) for name in chosen}, "table": rows}))


def points(sweep: dict[str, dict[str, list[int]]]) -> list[dict[str, Any]]:
    """The rows of the table, each once: the middle of every dimension, and one at a time all that it takes."""
    found = []
    for work, dimensions in sweep.items():
        middle = {name: values[len(values) // 2] for name, values in dimensions.items()}
        for name, values in dimensions.items():
            for value in values:
                point = {"work": work, "answers": 2} | middle | {name: value}
                if point not in found:
                    found.append(point)
    return found


def flops(config: Any, matrices: int, work: str, length: int, answers: int, batch: int, new_tokens: int) -> float:
    """The model's floating-point operations in one measured step.

    matrices: the weights of the layers' matrices, without embeddings and head.
    """
    head = config.vocab_size * config.hidden_size
    attention = 4 * config.num_hidden_layers * config.hidden_size
    if work == "sft":  # position i sees i tokens and itself; the first is not trained
        return 3.0 * batch * (length * 2 * matrices + (length - 1) * 2 * head + attention * length * (length + 1) / 2)
    if work == "reward":
        prompt, answer = length // 2, length // 4
        seen = prompt * (prompt + 1) / 2 + 2 * (answer * prompt + answer * (answer + 1) / 2)
        return 3.0 * batch * ((prompt + 2 * answer) * 2 * matrices + attention * seen)
    read = new_tokens - 1  # the last token is drawn and never read
    prefill = length * 2 * matrices + 2 * head + attention * length * (length + 1) / 2
    decoded = read * (2 * matrices + 2 * head) + attention * (read * length + read * (read + 1) / 2)
    return batch * (prefill + answers * decoded)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--shape", choices=("demonstration", *SHAPES), default="demonstration")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=3, help="measured in a row, after one that counts nothing")
    parser.add_argument("--new-tokens", type=int, default=0, help="of every sampled answer; 32, on CUDA 256")
    parser.add_argument("--token-budget", type=int, default=0, help="padded tokens per forward; 1024, on CUDA 16384")
    parser.add_argument("--sweep", choices=tuple(SWEEPS), help="how large the numbers are; large on CUDA, else small")
    parser.add_argument("--peak-tflops", type=float, help="the device's; without: known or measured")
    parser.add_argument("--peer", action="store_true", help="sample with transformers' generate too")
    parser.add_argument("--work", choices=("sampling", "sft", "reward"), help=argparse.SUPPRESS)
    parser.add_argument("--side", choices=("ours", "peer"), default="ours", help=argparse.SUPPRESS)
    for name in ("length", "answers", "batch"):
        parser.add_argument(f"--{name}", type=int, default=2, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    on_gpu = options.device == "cuda"
    if on_gpu:
        import torch

        if not torch.cuda.is_available():
            parser.error(
                "--device cuda: PyTorch finds no CUDA device here; run it on a machine with one, or with --device cpu"
            )
    options.new_tokens = options.new_tokens or (256 if on_gpu else 32)
    options.token_budget = options.token_budget or (16384 if on_gpu else 1024)
    options.sweep = options.sweep or ("large" if on_gpu else "small")
    return options


def _row(options: argparse.Namespace, point: dict[str, Any], side: str) -> dict[str, Any]:
    """One side's figures of a row, or why there are none."""
    names = ("shape", "device", "precision", "threads", "steps", "new_tokens", "token_budget", "peak_tflops")
    given = {name: getattr(options, name) for name in names} | point | {"side": side}
    name = f"{side}, {', '.join(f'{key} {value}' for key, value in point.items())}"
    try:
        return run_side(sys.executable, "benchmarks.scaling", name, given)
    except SystemExit as failure:
        lines = str(failure).strip().splitlines()
        print(f"{name}: {lines[-1]}", file=sys.stderr)
        return {"error": lines[-1]}


def _measured(options: argparse.Namespace) -> dict[str, Any]:
    import torch

    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        step, model = (_sampler if options.work == "sampling" else _trainer)(options, Path(folder))
        seconds, busy = [], []
        for _ in range(options.steps + 1):
            before = now()
            step()
            if options.device == "cuda":
                torch.cuda.synchronize()
            clock, processor = (end - start for start, end in zip(before, now(), strict=True))
            seconds.append(clock)
            busy.append(processor)
    taken, own = statistics.median(seconds[1:]), statistics.median(busy[1:])
    memory = torch.cuda.max_memory_allocated() / 2**20 if options.device == "cuda" else peak_megabytes()
    matrices = sum(
        weight.numel() for layer in model.base_model.layers for weight in layer.parameters() if weight.ndim > 1
    )
    sizes = (options.length, options.answers, options.batch)
    work = flops(model.config, matrices, options.work, *sizes, options.new_tokens)
    tflops = work / _own_seconds(options, taken, own) / 1e12
    answered = options.answers * options.new_tokens if options.work == "sampling" else options.length
    peak, known_by = _peak(options)
    return {
        "seconds": round(taken, 4),
        "cpu_seconds": round(own, 4),
        "rate": round(options.batch * answered / taken, 1),
        "megabytes": round(memory),
        "teraflops": round(tflops, 5),
        "utilisation": round(tflops / peak, 3),
        "peak_tflops": round(peak, 3),
        "peak_known_by": known_by,
    }


def _own_seconds(options: argparse.Namespace, clock: float, processor: float) -> float:
    """What a rate of operations divides by: on a CPU that may have other work, its threads' own time."""
    return clock if options.device == "cuda" else processor / options.threads


def _peak(options: argparse.Namespace) -> tuple[float, str]:
    """TFLOP/s to compare with, and where they are from."""
    import torch

    if options.peak_tflops:
        return options.peak_tflops, "given"
    if options.device == "cuda" and options.precision == "bfloat16":
        name = torch.cuda.get_device_name()
        for part, tflops in PEAKS.items():
            if part in name:
                return tflops, f"the vendor, for {name}"
    size = 8192 if options.device == "cuda" else 1024
    matrix = torch.randn(size, size, device=options.device, dtype=getattr(torch, options.precision))
    best = float("inf")
    for _ in range(5):
        before = now()
        matrix @ matrix
        if options.device == "cuda":
            torch.cuda.synchronize()
        best = min(best, _own_seconds(options, *(end - start for start, end in zip(before, now(), strict=True))))
    return 2 * size**3 / best / 1e12, f"a product of matrices {size} wide"


def _built(options: argparse.Namespace, is_reward_model: bool, dtype: Any) -> Any:
    """The model of the shape, on the device."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, LlamaForSequenceClassification

    from modeling.checkpoints import load_policy, new_reward_model

    device = torch.device(options.device)
    if options.shape == "demonstration":
        model = new_reward_model(CHECKPOINT, device) if is_reward_model else load_policy(CHECKPOINT, device=device)
        return model.model.to(dtype)
    config = LlamaConfig(**SHAPES[options.shape], num_labels=1, pad_token_id=3, dtype=dtype)
    usual = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with device:
            return (LlamaForSequenceClassification if is_reward_model else LlamaForCausalLM)(config)
    finally:
        torch.set_default_dtype(usual)


def _sampler(options: argparse.Namespace, _: Path) -> tuple[Callable[[], None], Any]:
    """A step that samples, and its model."""
    import torch

    from modeling.checkpoints import Policy
    from modeling.decoding import generate
    from modeling.sampling_requests import Request

    model = _built(options, False, getattr(torch, options.precision)).eval()
    model.generation_config.eos_token_id = None  # no answer ends before its length
    prompts = torch.randint(4, model.config.vocab_size, (options.batch, options.length)).tolist()
    every = [prompt for prompt in prompts for _ in range(options.answers)]
    requests = [Request((), seed=seed, max_new_tokens=options.new_tokens) for seed in range(len(every))]
    tokenizer: Any = SimpleNamespace(eos_token_id=None, unk_token_id=None, pad_token_id=3)

    def ours() -> None:
        for _ in generate(Policy(model, tokenizer), requests, every, rows=128):
            pass

    def peer() -> None:
        model.generate(
            torch.tensor(prompts, device=options.device),
            attention_mask=torch.ones(options.batch, options.length, dtype=torch.long, device=options.device),
            do_sample=True,
            top_k=0,
            num_return_sequences=options.answers,
            max_new_tokens=options.new_tokens,
            pad_token_id=3,
        )

    return (ours if options.side == "ours" else peer), model


def _trainer(options: argparse.Namespace, run: Path) -> tuple[Callable[[], None], Any]:
    """An optimizer step of fine-tuning or of reward training, and its model."""
    import torch

    from modeling.distributed import Ranks
    from modeling.learner import Learner
    from modeling.losses import language_model_loss, ranking_loss
    from modeling.packing import Example, pad
    from modeling.shared_prefix import Row, by_length_among, end_scores, pack
    from modeling.token_logprobs import logprobs_of
    from modeling.training_config import TrainingConfig

    is_reward = options.work == "reward"
    model = _built(options, is_reward, torch.float32)
    config = TrainingConfig(
        run_dir=run,
        base=CHECKPOINT,
        batch_size=options.batch,
        learning_rate=1e-5,
        token_budget=options.token_budget,
        precision=options.precision,
        gradient_checkpointing=options.shape == "llama-2-7b",
    )
    learner = Learner(model, end_scores if is_reward else logprobs_of(model), config, Ranks(), {}, lambda: False)
    ids = torch.randint(4, model.config.vocab_size, (options.batch, options.length), dtype=torch.int32)
    trained = torch.ones(options.length, dtype=torch.bool)
    trained[0] = False
    half, quarter = options.length // 2, options.length // 4
    parts = (half, quarter, options.length - half - quarter)
    pairs = [Row(prompt, tails) for row in ids for prompt, *tails in [[part.tolist() for part in row.split(parts)]]]
    groups = by_length_among(list(ids), options.token_budget)

    def loss_of(group: list[int]) -> Any:
        if is_reward:
            chosen, rejected = learner.forward(pack([pairs[index] for index in group], 3)).unbind(dim=1)
            return ranking_loss(chosen, rejected, torch.zeros_like(chosen), pairs=options.batch)
        logprobs = learner.forward(pad([[Example(ids[index], trained)] for index in group], 3))
        return language_model_loss(logprobs, options.batch * (options.length - 1))

    def step() -> None:
        learner.begin_step(config.learning_rate)
        total = 0.0
        for group, weight in learner.passes(groups, options.batch):
            loss = loss_of(group)
            (weight * loss).backward()
            total += float(loss.detach())
        learner.update(total)
        learner.end_step()

    return step, model


def _readable(rows: list[dict[str, Any]], with_peer: bool) -> str:
    columns = COLUMNS + (PEER_COLUMNS if with_peer else ())
    lines = [[str(row.get(name, "")) for name in columns] + [row.get("error", "")] for row in rows]
    table = [[*columns, ""], *lines]
    widths = [max(len(line[place]) for line in table) for place in range(len(columns))]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(line, [*widths, 0], strict=True)) for line in table
    )


if __name__ == "__main__":
    main()
