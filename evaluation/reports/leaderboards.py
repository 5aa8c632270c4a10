"""A leaderboard in words: its tie model, how well it fits, and whether the models can be ranked at all."""

from evaluation.statistics.bradley_terry import DAVIDSON, GRADED, HALF, RAO_KUPPER, Leaderboard
from evaluation.statistics.goodness import GoodnessOfFit
from evaluation.statistics.transitivity import Transitivity
from evaluation.wording import count, number, percent, sure

TIE_MODELS = {
    HALF: "Bradley and Terry's model, in which a tie is half a win",
    DAVIDSON: "Bradley and Terry's model with Davidson's ties, an outcome of their own that is likelier between equals",
    RAO_KUPPER: "Rao and Kupper's model, in which small differences look like ties",
    GRADED: "the adjacent-categories model, in which the strength of each preference counts",
}
LEVEL = 0.05


def tie_model(leaderboard: Leaderboard) -> str:
    return TIE_MODELS[leaderboard.ties]


def read_fit(fit: GoodnessOfFit) -> str:
    """Whether the ratings reproduce each pair's results."""
    if fit.degrees <= 0 or fit.p_value is None or fit.design_effect is None:
        return fit.note or "How well the ratings fit can't be tested on these battles."
    figures = (
        f"X² {number(fit.x2, 1)}, G² {number(fit.g2, 1)}, {count(fit.degrees, 'degree')} of freedom, design effect "
        f"{number(fit.design_effect)}, p {sure(fit.p_value)}"
    )
    verdict = (
        "The ratings miss some pairs by more than chance explains: one number per model is not the whole story"
        if fit.p_value < LEVEL
        else "Nothing speaks against one number per model"
    )
    return f"{verdict} ({figures}).{f' {fit.note}' if fit.note else ''}"


def read_circles(circles: Transitivity) -> str:
    """Whether some beat each other in a circle, and whether that is more than chance."""
    if not circles.triples:
        return circles.note
    share = (
        ""
        if circles.cyclic_share is None
        else (f" {percent(circles.cyclic_share)} of the variance between pairs is beyond any ranking, chance included.")
    )
    if not circles.circular:
        return f"None of {count(circles.triples, 'triple')} of models goes in a circle.{share}"
    surest = circles.circles[0]
    named = f"{surest.models[0]} beats {surest.models[1]}, which beats {surest.models[2]}, which beats the first"
    if surest.adjusted is not None and surest.adjusted < LEVEL:
        verdict = f"the surest is more than chance explains: {named} (p {sure(surest.adjusted)}, corrected)"
    else:
        verdict = "none is more than chance explains"
    return f"{circles.circular:,} of {count(circles.triples, 'triple')} of models go in a circle; {verdict}.{share}"
