"""Self-BLEU by hand, and what must hold for any answers."""

import math
import random

import pytest

from evaluation.statistics.diversity import self_bleu, words_of


def test_three_answers_by_hand() -> None:
    """With n-grams of one and two words.

    "a b c" against the others: words a, b, c of 3 (c is in "b c"), pairs "a b", "b c" of 2: BLEU 1.
    "a b d": words a, b of 3, pair "a b" of 2; the closest length is 3: sqrt(2/3 * 1/2).
    "b c": words 2 of 2, pair 1 of 1; both others have 3 words: exp(1 - 3/2).
    """
    expected = (1 + math.sqrt(1 / 3) + math.exp(-0.5)) / 3
    assert self_bleu(["a b c", "a b d", "b c"], order=2) == pytest.approx(expected)


def test_a_repeated_word_counts_as_often_as_another_answer_has_it() -> None:
    """ "a a a" has one a of three in "a b c", which has one word of three in return; no brevity."""
    assert self_bleu(["a a a", "a b c"], order=1) == pytest.approx(1 / 3)


def test_a_missing_order_is_smoothed() -> None:
    """ "a b" and "b a" share both words and no pair: sqrt(1 * 0.1 / 1)."""
    assert self_bleu(["a b", "b a"], order=2) == pytest.approx(math.sqrt(0.1))


def test_identical_answers_are_one_and_disjoint_ones_zero() -> None:
    chance = random.Random(3)
    for size in (1, 2, 7):
        text = " ".join(chance.choice("abcdefgh") for _ in range(size))
        assert self_bleu([text] * 5) == pytest.approx(1.0)
    assert self_bleu(["a b c", "d e f", "g h"]) == 0.0


def test_the_order_of_the_answers_and_the_names_of_the_words_do_not_matter() -> None:
    chance = random.Random(4)
    answers = [" ".join(chance.choices("abcde", k=chance.randrange(1, 9))) for _ in range(12)]
    value = self_bleu(answers)
    assert value is not None and 0 < value < 1
    assert self_bleu(chance.sample(answers, 12)) == pytest.approx(value)
    assert self_bleu([answer.translate(str.maketrans("abcde", "vwxyz")) for answer in answers]) == pytest.approx(value)


def test_it_is_what_the_definition_says_done_slowly() -> None:
    """Each answer against the rest, straight from Papineni et al.: no trick with the two largest counts."""
    chance = random.Random(5)
    answers = [" ".join(chance.choices("abcd", k=chance.randrange(1, 8))) for _ in range(9)]

    def grams(words: list[str], n: int) -> list[tuple[str, ...]]:
        return [tuple(words[at : at + n]) for at in range(len(words) - n + 1)]

    values = []
    for place, answer in enumerate(answers):
        words, rest = answer.split(), [other.split() for other in answers[:place] + answers[place + 1 :]]
        logs = []
        for n in range(1, min(4, len(words)) + 1):
            own = grams(words, n)
            hit = sum(min(own.count(g), max(grams(other, n).count(g) for other in rest)) for g in set(own))
            logs.append(math.log((hit or 0.1) / len(own)))
        closest = min((len(other) for other in rest), key=lambda other: (abs(other - len(words)), other))
        values.append(math.exp(min(0, 1 - closest / len(words)) + sum(logs) / len(logs)))
    assert self_bleu(answers) == pytest.approx(sum(values) / len(values))


def test_capitals_make_nothing_diverse_and_punctuation_stands_alone() -> None:
    assert words_of("Hello, World!") == ["hello", ",", "world", "!"]


def test_empty_answers_are_like_each_other_alone() -> None:
    assert self_bleu(["", ""]) == 1.0
    assert self_bleu(["", "a b"]) == 0.0


def test_one_answer_alone_has_none() -> None:
    assert self_bleu(["a"]) is None
    assert self_bleu([]) is None
    with pytest.raises(ValueError, match="order must be at least 1"):
        self_bleu(["a", "b"], order=0)
