"""A leaderboard of 100,000 battles between 100 models, beside arena-rank, which computes LMArena's.

    python -m benchmarks.leaderboard --peer-python PEER/bin/python [--battles 100000] [--models 100] [--runs 3]

PEER is an environment with arena-rank (and so with JAX and pandas). Both sides get the same battles as names and
outcomes in memory and return ratings with a sandwich interval, a tie as half a win; each run is in a process of its
own, the sides in turn. The peer's first call compiles; its second call is timed as well, as peer_warm. Ours takes the
battles of a prompt as one cluster, which the peer can't. `everything` is ours with what the peer has not: Davidson's
ties, goodness of fit against all pairs with its correction for clusters, each pair's residual, ranks and circles.

The last line of the output is the result as JSON; what happens meanwhile goes to the standard error.
"""

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measuring import now, peak_megabytes, run_side

PER_PROMPT = 3
TIES = 0.8
"""Davidson's nu of the battles: a tie between equals is so much as likely as either win."""


def main() -> None:
    options = _options()
    if options.side:
        print(json.dumps(SIDES[options.side](options)))
        return
    with tempfile.TemporaryDirectory() as folder:
        options.work = Path(folder)
        _prepare(options)
        runs: dict[str, list[dict[str, Any]]] = {side: [] for side in SIDES}
        for _ in range(options.runs):
            for side in SIDES:
                runs[side].append(_measure(options, side))
    seconds = {side: statistics.median(run["seconds"] for run in found) for side, found in runs.items()}
    cpu = {side: statistics.median(run["cpu_seconds"] for run in found) for side, found in runs.items()}
    warm = statistics.median(run["warm_seconds"] for run in runs["peer"])
    ours, peer = (
        dict(zip(runs[side][0]["models"], runs[side][0]["ratings"], strict=True)) for side in ("ours", "peer")
    )
    result = {
        "name": "leaderboard",
        "unit": "battles per second",
        "ours": round(options.battles / seconds["ours"]),
        "peer": round(options.battles / seconds["peer"]),
        "ratio": round(seconds["peer"] / seconds["ours"], 2),
        "ratio_warm": round(warm / seconds["ours"], 2),
        "cpu_ratio": round(cpu["peer"] / cpu["ours"], 2),
        "ours_seconds": round(seconds["ours"], 3),
        "peer_seconds": round(seconds["peer"], 3),
        "peer_warm_seconds": round(warm, 3),
        "everything_seconds": round(seconds["everything"], 3),
        "everything_cpu_seconds": round(cpu["everything"], 3),
        "ours_cpu_seconds": round(cpu["ours"], 3),
        "peer_cpu_seconds": round(cpu["peer"], 3),
        "largest_difference_in_elo": max(abs(ours[model] - peer[model]) for model in ours),
        "ours_megabytes": round(runs["ours"][0]["megabytes"]),
        "peer_megabytes": round(runs["peer"][0]["megabytes"]),
        "peer_name": runs["peer"][0]["version"],
        "battles": options.battles,
        "models": options.models,
        "runs": options.runs,
    }
    print(json.dumps(result))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--peer-python", type=Path, help="the Python of an environment with arena-rank")
    parser.add_argument("--battles", type=int, default=100_000)
    parser.add_argument("--models", type=int, default=100)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--side", choices=tuple(SIDES), help=argparse.SUPPRESS)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not options.side and not options.peer_python:
        parser.error("--peer-python is needed: the Python of an environment with arena-rank 0.1.1")
    return options


def _measure(options: argparse.Namespace, side: str) -> dict[str, Any]:
    python = options.peer_python if side == "peer" else sys.executable
    return run_side(python, "benchmarks.leaderboard", side, {"side": side, "work": options.work})


def _prepare(options: argparse.Namespace) -> None:
    """Battles from Davidson's model between models whose abilities have a standard deviation of one logit."""
    rng = np.random.default_rng(0)
    ability = rng.normal(0, 1, options.models)
    first = rng.integers(0, options.models, options.battles)
    second = (first + rng.integers(1, options.models, options.battles)) % options.models
    won, lost = np.exp((ability[first] - ability[second]) / 2), np.exp((ability[second] - ability[first]) / 2)
    chance = rng.random(options.battles) * (won + lost + TIES)
    votes = np.where(chance < won, 1.0, np.where(chance < won + lost, -1.0, 0.0))
    names = np.array([f"model-{number:03d}" for number in range(options.models)])
    prompts = rng.integers(0, options.battles // PER_PROMPT, options.battles)
    np.savez(options.work / "battles.npz", first=names[first], second=names[second], votes=votes, prompts=prompts)


def _ours(options: argparse.Namespace) -> dict[str, Any]:
    from evaluation.statistics.bradley_terry import bradley_terry

    battles = dict(np.load(options.work / "battles.npz"))
    points = (battles["votes"] + 1) / 2
    start, cpu = now()
    board = bradley_terry(battles["first"], battles["second"], points, battles["prompts"])
    return _figures(start, cpu, len(points)) | {
        "models": [standing.model for standing in board.standings],
        "ratings": [standing.rating.value for standing in board.standings],
    }


def _everything(options: argparse.Namespace) -> dict[str, Any]:
    from evaluation.statistics.bradley_terry import leaderboard

    battles = dict(np.load(options.work / "battles.npz"))
    start, cpu = now()
    board = leaderboard(battles["first"], battles["second"], battles["votes"], battles["prompts"])
    figures = _figures(start, cpu, len(battles["votes"]))
    if board.ties != "davidson" or board.fit is None or board.circles is None:
        raise SystemExit("the leaderboard lacks its ties, fit or circles")
    return figures


def _peer(options: argparse.Namespace) -> dict[str, Any]:
    from importlib.metadata import version

    import pandas as pd  # type: ignore[import-untyped]
    from arena_rank.models.bradley_terry import BradleyTerry  # type: ignore[import-not-found]
    from arena_rank.utils.data_utils import PairDataset  # type: ignore[import-not-found]

    battles = dict(np.load(options.work / "battles.npz"))
    winner = np.array(["model_b", "tie", "model_a"])[battles["votes"].astype(int) + 1]
    table = pd.DataFrame({"model_a": battles["first"], "model_b": battles["second"], "winner": winner})

    def rated() -> Any:
        data = PairDataset.from_pandas(table)
        found = BradleyTerry(n_competitors=len(data.competitors)).compute_ratings_and_cis(data)
        return {"competitors": found["competitors"], "ratings": np.asarray(found["ratings"]).tolist()}

    start, cpu = now()
    found = rated()
    figures = _figures(start, cpu, len(table))
    again, _ = now()
    rated()
    mean = float(np.mean(found["ratings"]))
    return figures | {
        "warm_seconds": now()[0] - again,
        "models": list(found["competitors"]),
        "ratings": [rating - mean + 1000 for rating in found["ratings"]],
        "version": f"arena-rank {version('arena-rank')}",
    }


def _figures(start: float, cpu: float, battles: int) -> dict[str, Any]:
    end, cpu_end = now()
    return {
        "rate": battles / (end - start),
        "seconds": end - start,
        "cpu_seconds": cpu_end - cpu,
        "megabytes": peak_megabytes(),
    }


SIDES = {"ours": _ours, "everything": _everything, "peer": _peer}

if __name__ == "__main__":
    main()
