"""The bag: what is read from it, what is dropped after a kill, how bags merge, and which candidate is the best."""

import json
from dataclasses import asdict, replace
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from modeling.candidates import (
    Candidate,
    best_per_prompt,
    merge_bags,
    read_candidates,
    write_candidates,
)
from modeling.json_lines import DataError


def candidate(answer: str, score: float = 0.0, iteration: int = 1, prompt: str = "why", **fields: Any) -> Candidate:
    messages = [{"role": "user", "content": prompt}]
    known: dict[str, Any] = {"prompt_id": prompt, "messages": messages, "temperature": 1.0, "model": "m", "ended": True}
    return Candidate(answer=answer, score=score, iteration=iteration, **(known | fields))


def test_a_bag_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "candidates.jsonl"
    bag = [candidate("a", 0.1 + 0.2, tag="safety"), candidate("b", -1e-9, 2, ended=False)]
    write_candidates(path, bag)
    assert read_candidates(path) == bag
    assert set(json.loads(path.read_text().splitlines()[0])) == {
        *("prompt_id", "messages", "answer", "score", "iteration", "temperature", "model", "ended", "tag")
    }


def test_a_bag_without_tags_is_read_too(tmp_path: Path) -> None:
    row = asdict(candidate("a"))
    del row["tag"]
    (tmp_path / "bag.jsonl").write_text(json.dumps(row))
    assert read_candidates(tmp_path / "bag.jsonl") == [candidate("a")]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"score": "high"}, "line 2: score must be a finite number, got 'high'"),
        ({"score": float("nan")}, "line 2: score must be a finite number, got nan"),
        ({"score": True}, "line 2: score must be a finite number, got True"),
        ({"iteration": 1.5}, "line 2: iteration must be an integer, got 1.5"),
        ({"ended": 1}, "line 2: ended must be true or false, got 1"),
        ({"answer": None}, "line 2: answer must be text, got None"),
        ({"tag": "both"}, "line 2: tag must be helpfulness or safety or null, got 'both'"),
        ({"messages": []}, "line 2: messages: a dialogue must open with a user's message"),
    ],
)
def test_a_row_that_cannot_be_used_is_named_by_its_line(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    rows = [asdict(candidate("a")), asdict(candidate("b")) | change]
    (tmp_path / "bag.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(DataError, match=message):
        read_candidates(tmp_path / "bag.jsonl")


def test_a_bag_that_is_missing_or_damaged_is_named(tmp_path: Path) -> None:
    path = tmp_path / "bag.jsonl"
    assert read_candidates(path, may_be_absent=True) == []
    with pytest.raises(DataError, match=r"cannot read .*bag\.jsonl"):
        read_candidates(path)
    row = asdict(candidate("a"))
    del row["model"]
    path.write_text(json.dumps(row) + "\n")
    with pytest.raises(DataError, match=r"bag\.jsonl, line 1: field model is missing"):
        read_candidates(path)
    path.write_text("[1]\n")
    with pytest.raises(DataError, match="line 1: expected an object with messages, answer and score, got list"):
        read_candidates(path)


def test_the_best_over_all_iterations_is_kept_for_each_prompt() -> None:
    bag = [
        candidate("old and best", 3.0, 1),
        candidate("old", 1.0, 1, prompt="how"),
        candidate("new", 2.0, 2),
        candidate("new and best", 1.5, 2, prompt="how"),
        candidate("of an earlier prompt", -5.0, 1, prompt="where"),
    ]
    best = {each.messages[0]["content"]: each.answer for each in best_per_prompt(bag)}
    assert best == {"why": "old and best", "how": "new and best", "where": "of an earlier prompt"}


def test_a_prompt_is_its_messages_whatever_its_id() -> None:
    bag = [candidate("a", 1.0, 1, prompt_id="line 1"), candidate("b", 2.0, 2, prompt_id="line 7")]
    assert [each.answer for each in best_per_prompt(bag)] == ["b"]
    same_id = [candidate("a", prompt_id="line 1"), candidate("b", prompt="how", prompt_id="line 1")]
    assert len(best_per_prompt(same_id)) == 2


def test_answers_that_did_not_end_or_say_nothing_are_never_the_best() -> None:
    bag = [candidate("cut", 9.0, ended=False), candidate("  ", 8.0), candidate("whole", 1.0)]
    assert [each.answer for each in best_per_prompt(bag)] == ["whole"]
    assert best_per_prompt(bag[:2]) == []


def test_a_best_answer_below_the_floor_is_left_out_with_its_prompt() -> None:
    bag = [candidate("poor", -1.0), candidate("good", 1.0, prompt="how")]
    assert [each.answer for each in best_per_prompt(bag, floor=-0.5)] == ["good"]
    assert [each.answer for each in best_per_prompt(bag, floor=-1.0)] == ["poor", "good"]


def test_ties_go_to_the_earliest_iteration_then_to_the_first_text_in_any_order_of_the_bag() -> None:
    tied = [candidate("b", 1.0, 2), candidate("c", 1.0, 1), candidate("a", 1.0, 2), candidate("d", 1.0, 1)]
    assert {best_per_prompt(bag)[0].answer for bag in permutations(tied)} == {"c"}
    assert {best_per_prompt(bag)[0].answer for bag in permutations([tied[0], tied[2]])} == {"a"}


def test_an_answer_drawn_again_counts_as_the_earliest_iterations_with_its_newest_score() -> None:
    bag = [candidate("again", 5.0, 1), candidate("again", 1.0, 2), candidate("other", 2.0, 2)]
    assert best_per_prompt(bag) == [bag[2]]
    [best] = best_per_prompt(bag[:2])
    assert best == replace(bag[0], score=1.0)


def test_bags_that_hold_one_another_merge_into_one() -> None:
    first = [candidate("a", 1.0), candidate("a", 1.0), candidate("b", 2.0)]
    second = [*(replace(each, score=each.score + 10) for each in first), candidate("a", 3.0, 2)]
    assert merge_bags(first, second) == second
    assert merge_bags(second, first) == [*first, second[-1]]
    assert merge_bags() == []


def test_draws_of_two_models_stay_apart_when_bags_merge() -> None:
    assert len(merge_bags([candidate("a", model="small")], [candidate("a", model="large")])) == 2


def test_an_answer_that_is_drawn_often_may_win_over_a_score_that_is_little_higher() -> None:
    """Drawn three times against once, agreement w adds w * log 3 = 1.0986 w: enough for a difference of 1 from
    w = 0.911 on."""
    bag = [candidate(answer="rare", score=2.0), *[candidate(answer="often", score=1.0) for _ in range(3)]]
    assert [each.answer for each in best_per_prompt(bag)] == ["rare"]
    assert [each.answer for each in best_per_prompt(bag, agreement=0.9)] == ["rare"]
    [best] = best_per_prompt(bag, agreement=0.92)
    assert (best.answer, best.score) == ("often", 1.0), "its own score stays what it was"
    assert best_per_prompt(bag, floor=1.5, agreement=9.0)[0].answer == "rare", "the floor is one of the score alone"
