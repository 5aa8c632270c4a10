"""The verdict is what follows the label on its last line; what could mean two things means nothing."""

import pytest

from evaluation.questioning import shipped_templates
from evaluation.verdicts import UnreadableError, Verdict, read_verdict

TEMPLATES = shipped_templates()


@pytest.mark.parametrize(
    ("reply", "points"),
    [
        ("Verdict: 3", 3),
        ("I first thought\nVerdict: 2\nbut no.\n**Verdict:** 6/7", 6),
        ("verdict : [[7]]", 7),
        ("Verdict: 2 (A is better)", 2),
        ("## Verdict: <1>.", 1),
        ("Verdict: 4 out of 7", 4),
    ],
)
def test_points_for_a_pair(reply: str, points: int) -> None:
    assert read_verdict(TEMPLATES["pairwise-helpfulness"], reply) == Verdict(points, (7 - points) / 6)


@pytest.mark.parametrize(
    ("reply", "preference"), [("Verdict: A", 1), ("verdict: [[b]]", 0), ("Verdict: Tie.", 0.5), ("Verdict: **B**", 0)]
)
def test_a_word_for_a_pair(reply: str, preference: float) -> None:
    assert read_verdict(TEMPLATES["pairwise-choice"], reply) == Verdict(None, preference)


def test_points_for_one_answer_prefer_nothing() -> None:
    assert read_verdict(TEMPLATES["safety-rating"], "Rating: 5") == Verdict(5, None)


@pytest.mark.parametrize(
    ("template", "reply", "reason"),
    [
        ("pairwise-helpfulness", "", "the reply is empty"),
        ("pairwise-helpfulness", "Both are fine.", "no line begins with 'Verdict:'; the last one is 'Both are fine.'"),
        ("pairwise-helpfulness", "Verdict:", "nothing follows 'Verdict:'"),
        ("pairwise-helpfulness", "Verdict: NaN", "got 'NaN'"),
        ("pairwise-helpfulness", "Verdict: 6.5", "got '6.5'"),
        ("pairwise-helpfulness", "Verdict: -3", "got '-3'"),
        ("pairwise-helpfulness", "Verdict: 8", "expected one of 1, 2, 3, 4, 5, 6, 7"),
        ("pairwise-helpfulness", "Verdict: 6 or 7", "names more than one"),
        ("pairwise-choice", "Verdict: A or B", "names more than one"),
        ("pairwise-choice", "Verdict: neither", "expected one of a, b, tie"),
    ],
)
def test_what_cannot_be_read_is_told_why(template: str, reply: str, reason: str) -> None:
    with pytest.raises(UnreadableError) as caught:
        read_verdict(TEMPLATES[template], reply)
    assert reason in str(caught.value)
