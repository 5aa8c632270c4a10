"""How much of two growing answers may be seen: as much of the one as of the other, at a pace that neither model sets.

Two answers that are shown as they come tell their models apart: one starts sooner, grows faster, ends while the other
goes on; and where both wait for the slower one, the pace changes when it ends. So what is seen grows by the clock, the
same on both sides, and begins when neither model can fall behind it any more, even with its longest answer. Until then
nothing is seen; once both are complete, both are seen whole. What is left to see is how long a pair took.
"""

from collections.abc import Sequence

CHARACTERS_PER_SECOND = 80.0
"""Of each answer: about four times as fast as a person reads the two."""
HEAD_START = 1.0
"""Seconds of writing before anything is seen: what evens out a hiccup."""
HELD_BACK = 80
"""Characters behind what is written: so many may still become part of a name that is masked (identity.py)."""
CHARACTERS_PER_TOKEN = 4.0
"""Of English, about: a longest answer in characters."""


class Pace:
    """The clock of one comparison. Seconds count from the moment the sampling began."""

    def __init__(self, longest: Sequence[int]) -> None:
        """longest: tokens that each answer may have."""
        self.longest = [CHARACTERS_PER_TOKEN * tokens for tokens in longest]
        self.rates = [0.0 for _ in longest]
        self.since: float | None = None
        self.seen = 0

    def seen_after(self, seconds: float, written: Sequence[int], finished: Sequence[bool]) -> int:
        """How many characters of each answer may be seen now; never fewer than before."""
        for side, characters in enumerate(written):
            if not finished[side]:  # that of a finished one stays: when a model ends is not to show
                self.rates[side] = characters / seconds if seconds else 0.0
            elif not self.rates[side]:
                self.rates[side] = CHARACTERS_PER_SECOND
        if (
            self.since is None
            and seconds >= HEAD_START
            and seconds >= max(map(self._safe_at, self.longest, self.rates))
        ):
            self.since = seconds
        if self.since is not None:
            due = int(CHARACTERS_PER_SECOND * (seconds - self.since))
            behind = [characters - HELD_BACK for side, characters in enumerate(written) if not finished[side]]
            self.seen = max(self.seen, min([due, *behind]))
        return self.seen

    @staticmethod
    def _safe_at(longest: float, rate: float) -> float:
        """From when on a model of this rate, in characters a second, ends before its answer is seen to its end."""
        return longest / rate - longest / CHARACTERS_PER_SECOND if rate else float("inf")
