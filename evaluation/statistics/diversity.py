"""How alike several answers to one prompt are: Self-BLEU, which falls as they grow more diverse."""

import math
import re
from collections import Counter
from collections.abc import Sequence

ORDER = 4
EPSILON = 0.1
"""What a precision of 0 counts as, in n-grams."""
_WORD = re.compile(r"\w+|[^\w\s]")

Counts = list[Counter[tuple[str, ...]]]


def words_of(text: str) -> list[str]:
    """Words and single punctuation marks, in lower case: an answer is no more diverse for its capitals."""
    return _WORD.findall(text.lower())


def self_bleu(answers: Sequence[str], order: int = ORDER) -> float | None:
    """The mean BLEU of each answer against all the others (Zhu et al., 2018, Texygen, section 3.1), from 0 to 1.

    1: all answers say the same. 0: no answer shares a word with another one. BLEU is that of Papineni et al. (2002)
    with n-grams up to `order`, or up to the answer's own length where it is shorter, equally weighted; clipped counts;
    the closest reference length (the shorter of two) for the brevity penalty. A precision of 0 above the first order
    counts as a tenth of an n-gram, so that one missing order does not hide all likeness (Chen and Cherry, 2014,
    smoothing 1 with epsilon 0.1, as Texygen); at the first order 0 stays 0. The BLEU of an empty answer is the share of
    the others that are empty too. None for fewer than two answers.
    """
    if order < 1:
        raise ValueError(f"order must be at least 1, got {order}")
    if len(answers) < 2:
        return None
    texts = [words_of(answer) for answer in answers]
    counts = [[_ngrams(words, n) for n in range(1, order + 1)] for words in texts]
    best = [_two_largest([each[n] for each in counts]) for n in range(order)]
    lengths = Counter(len(words) for words in texts)
    total = sum(_bleu(len(words), own, best, lengths) for words, own in zip(texts, counts, strict=True))
    return total / len(answers)


def _ngrams(words: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[start : start + n]) for start in range(len(words) - n + 1))


Largest = dict[tuple[str, ...], tuple[int, int]]


def _two_largest(counts: Sequence[Counter[tuple[str, ...]]]) -> Largest:
    """For each n-gram the two largest of its counts in an answer: the largest of the others' is the second one where an
    answer holds the first itself."""
    found: Largest = {}
    for each in counts:
        for ngram, count in each.items():
            first, second = found.get(ngram, (0, 0))
            found[ngram] = (count, first) if count > first else (first, max(second, count))
    return found


def _bleu(length: int, own: Counts, best: Sequence[Largest], lengths: Counter[int]) -> float:
    """BLEU of an answer of `length` words against all others. lengths: how many answers have each length, this one
    among them."""
    others = lengths - Counter([length])
    if length == 0:
        return others[0] / others.total()
    logs = []
    for n, counts in enumerate(own[:length]):
        matched = 0
        for ngram, count in counts.items():
            first, second = best[n][ngram]
            matched += min(count, second if count == first else first)
        if matched == 0 and n == 0:
            return 0.0
        logs.append(math.log((matched or EPSILON) / (length - n)))
    closest = min(others, key=lambda other: (abs(other - length), other))
    brevity = min(0.0, 1 - closest / length)
    return math.exp(brevity + sum(logs) / len(logs))
