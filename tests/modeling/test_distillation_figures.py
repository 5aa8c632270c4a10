"""The figures of context distillation, against values worked out by hand."""

from typing import Any

import pytest

from modeling.distillation_figures import distributions, gate_figures, held_out_figures, share


def test_a_share_has_its_wilson_interval() -> None:
    assert share([True, False]) == pytest.approx({"n": 2, "share": 0.5, "low": 0.0945, "high": 0.9055}, abs=1e-4)
    assert share([]) == {"n": 0, "share": None, "low": None, "high": None}


def test_distributions_share_their_bins() -> None:
    found = distributions({"before": [0.0, 0.0, 0.26], "after": [1.0, 0.5]})
    assert found["edges"] == pytest.approx([0.05 * place for place in range(21)])
    assert {name: [place for place, n in enumerate(bins) if n] for name, bins in found["counts"].items()} == {
        "before": [0, 5],
        "after": [10, 19],
    }
    assert found["counts"]["before"][0] == 2
    assert sum(distributions({"same": [1.0, 1.0]})["counts"]["same"]) == 2


def gate(plain: float, best: float, kind: str | None, category: str | None = "theft") -> dict[str, object]:
    chosen = None if kind is None else {"kind": kind, "score": best}
    passed = {each: each == kind for each in ("generic", "template")}
    return {"plain": plain, "best": best, "passed": passed, "chosen": chosen, "category": category}


def test_the_gate_is_reported_by_kind_category_and_plain_score() -> None:
    prompts = [gate(3, 2, None), gate(-2, 2, "template"), gate(1, 1, None, None), gate(-1, 1, "generic", None)]
    figures = gate_figures(prompts)
    assert figures["kept"]["share"] == 0.5
    assert {name: (each["share"], each["chosen"]) for name, each in figures["kept_by_kind"].items()} == {
        "generic": (0.25, 1),
        "template": (0.25, 1),
    }
    assert {name: (each["n"], each["share"]) for name, each in figures["kept_by_category"].items()} == {
        "theft": (2, 0.5),
        "no category": (2, 0.5),
    }
    quarters = [
        (each["from"], each["to"], each["gain"]["mean"], each["kept"]["share"]) for each in figures["by_plain_score"]
    ]
    assert quarters == [(-2, -2, 4, 1.0), (-1, -1, 2, 1.0), (1, 1, 0, 0.0), (3, 3, -1, 0.0)]


def test_held_out_prompts_are_compared_prompt_by_prompt() -> None:
    before: list[dict[str, Any]] = [{"score": 0.0, "category": "theft"}, {"score": 2.0, "category": None}]
    after: list[dict[str, Any]] = [{"score": 1.0, "category": "theft"}, {"score": 5.0, "category": None}]
    figures = held_out_figures(before, after)
    assert (figures["before"]["mean"], figures["after"]["mean"], figures["gain"]["mean"]) == (1.0, 3.0, 2.0)
    # gains of 1 and 3: s = sqrt 2, half the interval 1.95996 * sqrt 2 / sqrt 2
    assert figures["gain"]["low"] == pytest.approx(2.0 - 1.95996, abs=1e-5)
    assert figures["by_category"]["theft"]["after"]["mean"] == 1.0
    assert figures["by_category"]["no category"]["before"]["mean"] == 2.0
