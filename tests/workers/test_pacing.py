"""What is seen of two growing answers keeps a pace of its own, whatever the models' is."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import pytest

from annotation.models import Comparison, Project, Response
from modeling.registry.jobs import claim
from modeling.registry.models import Job, ModelVersion
from modeling.sampling import Answer, Increment
from tests.workers.conftest import queued_comparison
from workers import pacing
from workers.pacing import Pace

Seen = list[tuple[float, int]]
TICK = 0.1


def watch(rates: Sequence[float], lengths: Sequence[int], longest: int = 200, delays: Sequence[float] = (0, 0)) -> Seen:
    """(seconds, characters seen) until both models, of these characters per second, have written their answers."""
    seen: Seen = []
    pace, tick = Pace([longest, longest]), 0
    while True:
        tick += 1
        now = tick * TICK
        would = [int(rate * max(0.0, now - delay)) for rate, delay in zip(rates, delays, strict=True)]
        written = [min(length, count) for length, count in zip(lengths, would, strict=True)]
        finished = [count >= length for count, length in zip(would, lengths, strict=True)]
        if all(finished):
            return seen
        seen.append((now, pace.seen_after(now, written, finished)))


def test_with_fast_models_both_answers_grow_at_one_steady_pace() -> None:
    seen = watch(rates=(400, 150), lengths=(790, 790))
    assert [count for now, count in seen if now < 1] == [0] * 9
    growing = [(now, count) for now, count in seen if now > 1]
    for now, count in growing:
        assert count == pytest.approx(pacing.CHARACTERS_PER_SECOND * (now - 1), abs=1)


@pytest.mark.parametrize("lengths", [(300, 700), (700, 300), (500, 500)])
def test_which_side_is_the_slow_one_makes_no_difference_to_what_is_seen(lengths: tuple[int, int]) -> None:
    slow_left, slow_right = watch((100, 400), lengths), watch((400, 100), lengths)
    both = min(len(slow_left), len(slow_right))
    assert slow_left[:both] == slow_right[:both]


def test_the_pace_stays_when_one_answer_ends() -> None:
    seen = [count for now, count in watch(rates=(100, 300), lengths=(250, 790)) if now > 1.05]
    steps = {later - earlier for earlier, later in pairwise(seen)}
    assert steps <= {7, 8, 9}  # 80 characters a second, ten times a second


def test_a_model_that_starts_late_holds_back_both() -> None:
    seen = watch(rates=(400, 400), lengths=(790, 790), delays=(0, 3))
    assert all(count == 0 for now, count in seen if now <= 3)


def test_with_a_model_slower_than_reading_nothing_is_seen_until_it_cannot_fall_behind() -> None:
    """800 characters at 20 a second take 40 s, and are seen in 10: after 30 s it is safe."""
    seen = watch(rates=(20, 400), lengths=(790, 790), longest=200)
    first = next(now for now, count in seen if count)
    assert first == pytest.approx(30, abs=1)
    assert all(count <= 20 * now for now, count in seen)


def test_a_slow_models_short_answer_begins_no_sooner_than_a_long_one() -> None:
    assert not any(count for now, count in watch(rates=(20, 30), lengths=(100, 750), longest=200) if now < 16)


@pytest.mark.django_db
@pytest.mark.parametrize("slow", [0, 1])
def test_a_slow_models_answer_is_complete_when_its_pair_is(
    project: Project, models: tuple[ModelVersion, ModelVersion], monkeypatch: pytest.MonkeyPatch, slow: int
) -> None:
    """What the rows say at every moment of a sampling in which one model writes ten times as slowly."""
    from workers import sampling

    clock = [0.0]
    text = "The tide turns at six, and again at noon. " * 20

    def stream(asked: object) -> Iterator[Increment]:
        written = [0, 0]
        while min(written) < len(text):
            clock[0] += 0.05
            for side in (0, 1):
                pace = 9 if side == slow else 90
                if written[side] < len(text):
                    new = text[written[side] : written[side] + pace]
                    written[side] += len(new)
                    over = written[side] == len(text)
                    answer = Answer(text, "stop", 5, 200, clock[0], (), None) if over else None
                    yield Increment(side, new, answer)

    comparison = claim(Comparison, queued_comparison(project, "When?", models, max_new_tokens=210).pk)
    assert comparison is not None
    rows: list[tuple[int, ...]] = []

    def watched() -> bool:
        rows.append(tuple(len(text) for text in Response.objects.order_by("pk").values_list("text", flat=True)))
        return False

    monkeypatch.setattr(sampling, "stream", stream)
    monkeypatch.setattr(sampling.time, "monotonic", lambda: clock[0])
    sampling.sample(comparison, watched)
    assert all(a == b for a, b in rows), "one side was seen to be ahead of the other"
    assert any(0 < a < len(text) for a, _ in rows), "nothing was seen before the end"
    assert set(Response.objects.values_list("text", flat=True)) == {text}
    assert Comparison.objects.get().status == Job.Status.RUNNING  # its worker closes it


@pytest.mark.django_db
def test_a_name_is_never_seen_half_written(
    project: Project, models: tuple[ModelVersion, ModelVersion], monkeypatch: pytest.MonkeyPatch
) -> None:
    from annotation.blinding import shown
    from workers import sampling

    clock = [0.0]
    text = "Hello there. I am a helpful assistant called Claude, made by Anthropic, and I know the tides. " * 4

    def stream(asked: object) -> Iterator[Increment]:
        for at in range(len(text)):
            clock[0] += 0.005
            for side in (0, 1):
                last = at == len(text) - 1
                answer = Answer(text, "stop", 5, 90, clock[0], (), None) if last else None
                yield Increment(side, text[at], answer)

    comparison = claim(Comparison, queued_comparison(project, "Who?", models, max_new_tokens=95).pk)
    assert comparison is not None
    pages: set[str] = set()

    def watched() -> bool:
        pages.update(shown(response, project) for response in Response.objects.all())
        return False

    monkeypatch.setattr(sampling, "stream", stream)
    monkeypatch.setattr(sampling, "SHOW_EVERY_SECONDS", 0.0)
    monkeypatch.setattr(sampling.time, "monotonic", lambda: clock[0])
    sampling.sample(comparison, watched)
    pages.update(shown(response, project) for response in Response.objects.all())
    assert len(pages) > 50
    for page in pages:
        assert "Claud" not in page and "Cl " not in page and not page.endswith("called C")
        assert "Anth" not in page
    assert any("called [model name hidden], made by [model name hidden], and" in page for page in pages)
