"""Votes on prompts where raters of one answer pair agree with each other more than the models' strengths explain."""

import numpy as np

from evaluation.statistics.arrays import FloatArray, IntArray

NAMES = np.array(["A", "B", "C", "D"])
ABILITIES = np.array([0.9, 0.3, -0.3, -0.9])
PAIRS = np.array([(a, b) for a in range(4) for b in range(a + 1, 4)])
COPIED = 0.6


def votes_on_prompts(
    rng: np.random.Generator, chances: FloatArray, levels: FloatArray, prompts: int, raters: int
) -> tuple[FloatArray, IntArray]:
    """Of each prompt, each of the six pairs and each rater: the vote and its prompt, a list of both.

    chances: (pairs, levels) of each level by pair. A rater repeats the pair's common vote on that prompt six times of
    ten and votes anew otherwise, so that each vote alone follows the chances, and votes on a prompt depend.
    """
    edges = np.cumsum(chances, axis=1)

    def drawn(shape: tuple[int, ...]) -> IntArray:
        chance = rng.random(shape)
        return np.asarray((chance[..., None] > edges[None, :, None, :-1]).sum(axis=-1))

    common = drawn((prompts, len(PAIRS), 1))
    own = drawn((prompts, len(PAIRS), raters))
    codes = np.where(rng.random(own.shape) < COPIED, common, own)
    return levels[codes].ravel(), np.repeat(np.arange(prompts), len(PAIRS) * raters)


def differences() -> FloatArray:
    return ABILITIES[PAIRS[:, 0]] - ABILITIES[PAIRS[:, 1]]


def davidson_votes(rng: np.random.Generator, prompts: int, raters: int) -> tuple[FloatArray, IntArray]:
    """A tie between equals is 0.8 times as likely as either win."""
    d = differences()
    weights = np.column_stack([np.exp(d / 2), np.full(len(d), 0.8), np.exp(-d / 2)])
    return votes_on_prompts(rng, weights / weights.sum(axis=1, keepdims=True), np.array([1.0, 0, -1]), prompts, raters)


def rao_kupper_votes(rng: np.random.Generator, prompts: int, raters: int) -> tuple[FloatArray, IntArray]:
    """With a threshold of 0.5."""
    d = differences()
    won, lost = 1 / (1 + np.exp(0.5 - d)), 1 / (1 + np.exp(0.5 + d))
    return votes_on_prompts(rng, np.column_stack([won, 1 - won - lost, lost]), np.array([1.0, 0, -1]), prompts, raters)


def graded_votes(rng: np.random.Generator, prompts: int, raters: int) -> tuple[FloatArray, IntArray]:
    """On seven points, with strengths as likely between equals as e^(1, 0.6, 0.3, 0) has it from ties to 3."""
    levels = np.arange(3.0, -4, -1)
    weights = np.exp(np.outer(differences(), levels / 2) + np.array([1, 0.6, 0.3, 0])[np.abs(levels).astype(int)])
    return votes_on_prompts(rng, weights / weights.sum(axis=1, keepdims=True), levels, prompts, raters)
