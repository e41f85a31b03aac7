"""How far a ventricle has contracted at each share of its beat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class BeatCurve:
    """Ejection and early filling as cosine ramps, diastasis nearly still between, and the atrium fills the rest.

    Attributes:
        end_systole: Share of the beat at which the ventricle is smallest, counted from end-diastole.
        filled: Share at which early filling ends.
        kick: Share at which the atrium begins to fill the rest.
        early: Share of the stroke that early filling returns.
    """

    end_systole: float = 0.36
    filled: float = 0.62
    kick: float = 0.86
    early: float = 0.82

    @classmethod
    def ending_at(cls, end_systole: float) -> BeatCurve:
        """The usual curve with diastole stretched or pressed into what an earlier or later systole leaves."""
        usual = cls()
        stretch = (1 - end_systole) / (1 - usual.end_systole)
        return cls(end_systole, 1 - (1 - usual.filled) * stretch, 1 - (1 - usual.kick) * stretch)

    def __call__(self, phase: Float[np.ndarray, " times"]) -> Float[np.ndarray, " times"]:
        """Contraction, 0 at end-diastole to 1 at end-systole.

        Args:
            phase: Share of the beat since end-diastole; it repeats after 1.

        >>> BeatCurve()(np.array([0.0, 0.36, 1.0])).round(6) + 0.0
        array([0., 1., 0.])
        """
        tau = np.mod(np.asarray(phase, dtype=float), 1.0)

        def ramp(start: float, end: float) -> np.ndarray:
            return (1 - np.cos(np.pi * np.clip((tau - start) / (end - start), 0, 1))) / 2

        filling = self.early * ramp(self.end_systole, self.filled) + (1 - self.early) * ramp(self.kick, 1.0)
        return np.asarray(ramp(0.0, self.end_systole) - filling)
