"""Reasons of a verdict: those to fail, and those for a review."""

from __future__ import annotations

from dataclasses import dataclass, field

from cardioscar.scar3d.quality.result_scores import Verdict


@dataclass
class Reasons:
    """Sentences that a reader of the verdict sees.

    Attributes:
        fail: Each of them fails the map.
        review: Each of them asks somebody to look.
    """

    fail: list[str] = field(default_factory=list)
    review: list[str] = field(default_factory=list)

    def above(self, value: float | None, review: float, fail: float, text: str) -> None:
        """Add a reason where a value, if known, is above a limit."""
        if value is not None and value > review:
            (self.fail if value > fail else self.review).append(text)

    def __iadd__(self, other: Reasons) -> Reasons:
        self.fail += other.fail
        self.review += other.review
        return self

    @property
    def verdict(self) -> Verdict:
        """`fail`, `review`, or `pass` where there is no reason."""
        return "fail" if self.fail else "review" if self.review else "pass"

    def listed(self) -> list[str]:
        """All reasons, those to fail first, each once."""
        return list(dict.fromkeys(self.fail + self.review))
