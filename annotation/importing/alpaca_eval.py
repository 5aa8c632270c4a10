"""AlpacaEval 2's annotations: two models' outputs to one instruction, and a judge's continuous preference.

The preference runs from 1 (generator_1's output is better for certain) to 2 (generator_2's). Its distance from 1.5 is
kept as the preference's margin (so that the raw value is 1.5 minus the margin where generator_1 was preferred, plus it
otherwise), and gives the rating by the cut points below. Exactly 1.5 is a tie, which has no points and never trains.
The judge is a model: the comparison has no annotator, and its source says alpaca_eval.
"""

from annotation.importing.rows import (
    Answer,
    CutPoints,
    LeftOut,
    Pair,
    Row,
    RowError,
    Verdict,
    number_of,
    preferred,
    shown,
    text_of,
)
from annotation.models import Preference

CUT_POINTS = CutPoints(significantly=0.4, better=0.25, slightly=0.1)
RULES = f"The rating comes from |preference - 1.5|: {CUT_POINTS}; exactly 1.5 is a tie."


def read(row: Row) -> Pair | LeftOut:
    """The pair of a row, generator_1's output as A. Raises RowError."""
    prompt_id = text_of(row, "prompt_id", most=80, default="")
    first, second = (text_of(row, name, most=100) for name in ("generator_1", "generator_2"))
    pair = Pair(
        messages=[{"role": "user", "content": text_of(row, "instruction")}],
        a=Answer(text_of(row, "output_1"), model=first),
        b=Answer(text_of(row, "output_2"), model=second),
        verdicts=(verdict_of(row),),
        external_id="/".join((prompt_id, first, second))[:200] if prompt_id else "",
        prompt_id=prompt_id,
        category=text_of(row, "dataset", most=100, default=""),
    )
    return preferred(pair)


def verdict_of(row: Row) -> Verdict:
    preference = number_of(row, "preference")
    if preference is None or not 1 <= preference <= 2:
        raise RowError(f"preference must be a number from 1 to 2, got {shown(row.get('preference'))}")
    margin = abs(preference - 1.5)
    if margin == 0:
        return Verdict(choice=Preference.Choice.TIE, margin=0.0)
    choice = Preference.Choice.A if preference < 1.5 else Preference.Choice.B
    return Verdict(choice=choice, rating=CUT_POINTS.rating(margin), margin=margin)
