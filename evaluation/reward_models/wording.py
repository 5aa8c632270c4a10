"""A reward model's evaluation in plain words: what each figure says, and what it does not."""

from evaluation.reward_models.accuracy import Accuracies, Accuracy, Drift
from evaluation.reward_models.evaluating import Evaluation, Length, Safety
from evaluation.reward_models.paper import THRESHOLD, THRESHOLD_PRECISION, THRESHOLD_RECALL
from evaluation.reward_models.shift import Shift, Tension
from evaluation.statistics.calibration import Quality, Reliability
from evaluation.statistics.estimates import Estimate
from evaluation.wording import NONE, count, number, number_interval, percent, percent_interval

ALPHA = 0.05


def with_percent(estimate: Estimate, decimals: int = 1) -> str:
    """For example 64.1 % (95 % interval 59.2 to 68.6), with a dash for the "to"."""
    bounds = f" (95 % interval {percent_interval(estimate, decimals)})" if estimate.interval else ""
    return f"{percent(estimate.value, decimals)}{bounds}"


def with_number(estimate: Estimate, decimals: int = 2) -> str:
    bounds = f" (95 % interval {number_interval(estimate, decimals)})" if estimate.interval else ""
    return f"{number(estimate.value, decimals)}{bounds}"


def headline(found: Evaluation) -> str:
    if not found.held_out:
        return "Nobody has judged answers to held-out prompts in these projects yet."
    if not found.pairs:
        return f"{found.model} has scored none of {count(found.held_out, 'held-out judgement')} yet."
    share = found.accuracy.overall.share
    said = f"{found.model} prefers what people prefer in {with_percent(share)} of held-out judgements."
    if share.interval and share.interval[0] <= 0.5 <= share.interval[1]:
        return f"{said} It can't be told from a coin yet."
    return said


def beneath(found: Evaluation) -> str:
    rest = found.held_out - found.pairs
    return (
        f"{count(found.pairs, 'judgement')} on held-out prompts with both answers scored"
        + (f"; {rest:,} more wait for scores. " if rest else ". ")
        + "A hash of its opening fixes a prompt's side once and for all: no model trained here has learned from these."
    )


def read_accuracy(found: Accuracies) -> str:
    """The paper's pattern: the surer people are, the more often the model agrees."""
    overall = found.overall
    if overall.share.value is None:
        return overall.share.note
    said = [
        f"Over all it agrees with {with_percent(overall.share)}; the paper's own reaches {percent(overall.paper, 1)}."
    ]
    rated = [row for row in found.by_rating if row.n and row.label != "unrated"]
    if len(rated) > 1:
        first, last = rated[0], rated[-1]
        said.append(
            f"Where people are surest ({first.label} better) it agrees with {percent(first.share.value, 1)}, where "
            "they "
            f"are least sure ({last.label}) with {percent(last.share.value, 1)}."
        )
    if overall.ties:
        said.append(f"{count(overall.ties, 'pair has', 'pairs have')} equal scores, which count half.")
    return " ".join(said)


def read_trained(overall: Accuracy, trained: Accuracy) -> str:
    if not trained.n:
        return "Of the prompts that train, no answers are scored: score the whole project to see how much is by heart."
    gap = (trained.share.value or 0.0) - (overall.share.value or 0.0)
    return (
        f"On {count(trained.n, 'judgement')} of prompts that train it agrees with {with_percent(trained.share)}, "
        f"{abs(100 * gap):.1f} points {'more' if gap >= 0 else 'less'} than on held-out ones; what it gains there it "
        "may "
        "have learned by heart."
    )


def read_reliability(found: Reliability) -> str:
    error = found.error
    if error.value is None or found.by_chance is None:
        return "There are no pairs to hold its probabilities against."
    said = (
        f"Its probabilities miss what people do by {with_percent(error)} on average; {percent(found.by_chance, 1)} "
        "would "
        "come of chance alone were every one of them right."
    )
    surer = found.too_sure
    if surer.interval and surer.interval[0] > 0:
        return f"{said} It is too sure: by {with_percent(surer)} on average."
    if surer.interval and surer.interval[1] < 0:
        return f"{said} It is not sure enough: by {percent(abs(surer.value or 0.0), 1)} on average."
    return f"{said} It is neither too sure nor too unsure on the whole."


def read_quality(found: Quality) -> str:
    said = (
        f"Spearman {with_number(found.spearman)}, Kendall {with_number(found.kendall)} over {count(found.n, 'answer')}."
    )
    if len(found.points) < 2:
        return f"{said} A curve takes answers of two ratings or more."
    if found.monotone:
        return f"{said} The mean score rises with every point, as it did in the paper (figure 29)."
    real = [fall for fall in found.falls if fall.p_value is not None and fall.p_value < ALPHA]
    falls = ", ".join(f"{fall.lower} to {fall.higher}" for fall in found.falls)
    verdict = f"{count(len(real), 'is', 'are')} more than chance explains" if real else "none more than chance explains"
    misfit = f" From the best fit that never falls the means are {number(found.misfit)} standard deviations away."
    return f"{said} The mean score falls from {falls}: {verdict}.{misfit}"


def read_safety(found: Safety) -> str:
    if found.auc.value is None:
        return f"{count(found.answers, 'answer')}, {found.unsafe:,} of them unsafe. {found.auc.note}"
    at = found.at
    return (
        f"An unsafe answer scores lower than a safe one in {with_percent(found.auc)} of cases. Below {THRESHOLD}, "
        "where "
        f"PPO lets the safety score decide, stand {count(at.flagged, 'answer')} of {found.answers:,}: precision "
        f"{with_percent(at.precision)}, recall {with_percent(at.recall)}. The paper reports {THRESHOLD_PRECISION} and "
        f"{THRESHOLD_RECALL} on its own test set."
    )


def read_shift(found: Shift) -> str:
    change = found.mean
    if change.interval is None:
        verdict = "which is no more than a hint"
    elif change.interval[0] <= 0 <= change.interval[1]:
        verdict = "which chance may explain"
    else:
        verdict = "more than chance explains"
    p_value = found.below_p_value
    test = "" if p_value is None else f" (p {'< 0.001' if p_value < 0.001 else f'= {p_value:.3f}'})"
    return (
        f"From {found.before} to {found.after} the mean score of a prompt changes by {with_number(change)}, "
        f"{verdict}; it "
        f"rises on {percent(found.improved.value)} of {count(found.prompts, 'prompt')}. Below {THRESHOLD} stand "
        f"{with_percent(found.below_before)} of the answers before and {with_percent(found.below_after)} after{test}."
    )


def read_tension(found: Tension) -> str:
    ratio = "no more than" if (found.share.value or 0) <= found.by_chance else "more than"
    return (
        f"The two scores of an answer correlate by {with_number(found.pearson)} (rank correlation "
        f"{number(found.spearman.value)}). {with_percent(found.share)} of {count(found.answers, 'answer')} are more "
        f"helpful than the median and yet below {THRESHOLD} on safety: {ratio} the {percent(found.by_chance, 1)} that "
        "two unrelated scores would give."
    )


def read_drift(found: Drift, model: str) -> str:
    if found.fall is None:
        return f"No batch came after the training of {model}, so that nothing can be said about its decay yet."
    if found.fall.value is None:
        return found.fall.note
    p_value = found.p_value
    decided = p_value is not None and p_value < ALPHA
    falls = "falls" if found.fall.value < 0 else "rises"
    test = NONE if p_value is None else "p < 0.001" if p_value < 0.001 else f"p = {p_value:.3f}"
    points = f"{100 * abs(found.fall.value):.1f} points"
    low, high = found.fall.interval or (None, None)
    bounds = "" if low is None or high is None else f", 95 % interval {number(100 * low, 1)} to {number(100 * high, 1)}"
    return (
        f"On batches that came after its training {model} {falls} by {points} ({test}{bounds}), "
        f"{'more than chance explains' if decided else 'which chance may explain'}; {count(found.later, 'judgement')} "
        "of such batches are scored."
    )


def read_length(found: Length) -> str:
    model, people = found.model, found.people
    apart = (model.value or 0.0) - (people.value or 0.0)
    return (
        f"It prefers the longer answer in {with_percent(model)} of {count(found.pairs, 'pair')} of unequal length, "
        "people "
        f"in {with_percent(people)}: {abs(100 * apart):.1f} points {'more' if apart > 0 else 'less'} often. The "
        f"difference of the scores and that of the lengths have a rank correlation of {with_number(found.of_scores)}. "
        f"“The longer one wins” would be right in {percent(people.value, 1)}."
    )


CAVEATS = {
    "accuracy": "Clustered by the prompt that a dialogue opens with. Several raters of one pair each count, so that no "
    "model can reach 100 % where they disagree. The paper's figures are of its own data: a landmark, no goal.",
    "reliability": "Trained with a margin, a model is meant to tell strong preferences further apart than this scale "
    "says. "
    "Bins of few pairs have wide whiskers; hollow dots rest on few prompts.",
    "quality": "Scores were trained to order the answers to one prompt. Across prompts they are comparable only as "
    "far as "
    "this curve says. Answers to held-out prompts with the lower median of their raters.",
    "safety": "Labels of safety comparisons and of safety ratings, an answer's side being what most of its people "
    "say. An "
    "answer to a prompt that nobody tried to break looks safe to everybody: the mix of prompts sets the precision.",
    "shift": "Scores are this one model's opinion, and a policy that was trained on it learns what it likes. What "
    "people say "
    "of the two is for a campaign. Both policies' answers to the same held-out prompts, clustered by prompt.",
    "tension": "A reward model's zero is arbitrary for helpfulness, which is why the median stands in. Where the two "
    "were "
    "trained on different prompts, the correlation mixes what prompts ask with how they are answered.",
    "drift": "A batch counts as seen where it was opened before the training began. Batches differ in their prompts "
    "and "
    "annotators as well as in their policies.",
    "length": "Characters. Length is no bias by itself: people's own rate stands beside it for that reason.",
}
