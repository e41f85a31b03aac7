"""What a training did, step by step, as plain numbers that outlive it: JSON to read back, CSV to look at."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cardioscar.errors import InputError

FORMAT = "cardioscar curves 1"


@dataclass(frozen=True)
class Curves:
    """Loss, learning rate and validation of a training.

    Attributes:
        losses: Training loss of each optimiser step, measured before the step.
        learning_rates: Learning rate of each step.
        validation: Steps done and what was measured then, by name of the figure.

    >>> curves = Curves((0.9, 0.5), (0.1, 0.01), ((2, {"dice": 0.7}),))
    >>> curves.of("dice")
    ((2, 0.7),)
    >>> print(curves.as_csv(), end="")
    step,loss,learning_rate,dice
    1,0.9,0.1,
    2,0.5,0.01,0.7
    """

    losses: tuple[float, ...] = ()
    learning_rates: tuple[float, ...] = ()
    validation: tuple[tuple[int, Mapping[str, float]], ...] = field(default=())

    def __post_init__(self) -> None:
        if len(self.losses) != len(self.learning_rates):
            raise InputError("curves", "a learning rate for each loss", f"{len(self.learning_rates)}")

    @property
    def figures(self) -> tuple[str, ...]:
        """Names of what was measured in validation, in the order of their first appearance."""
        return tuple(dict.fromkeys(name for _, measured in self.validation for name in measured))

    def of(self, figure: str) -> tuple[tuple[int, float], ...]:
        """Steps done and value of one figure of the validation."""
        return tuple((step, measured[figure]) for step, measured in self.validation if figure in measured)

    def as_metrics(self) -> dict[str, tuple[tuple[int, float], ...]]:
        """Finite values by name and steps done, as a tracking server keeps them: `train/loss`, `validation/dice`, …"""
        named = {
            "train/loss": tuple(enumerate(self.losses, start=1)),
            "train/learning_rate": tuple(enumerate(self.learning_rates, start=1)),
            **{f"validation/{name}": self.of(name) for name in self.figures},
        }
        return {
            name: tuple((step, value) for step, value in values if math.isfinite(value))
            for name, values in named.items()
        }

    def as_json(self) -> str:
        """JSON that `from_json` reads back to equal curves; what is not finite becomes null."""
        return json.dumps(
            {
                "format": FORMAT,
                "losses": [_plain(value) for value in self.losses],
                "learning_rates": list(self.learning_rates),
                "validation": [[s, {name: _plain(v) for name, v in m.items()}] for s, m in self.validation],
            },
            allow_nan=False,
        )

    @classmethod
    def from_json(cls, text: str, *, where: str = "curves.json") -> Curves:
        """Read curves.

        Raises:
            InputError: If the text is no JSON of `as_json`.
        """
        try:
            read = json.loads(text)
            if read["format"] != FORMAT:
                raise InputError(where, f"'{FORMAT}'", "another format")
            return cls(
                tuple(_number(value) for value in read["losses"]),
                tuple(_number(value) for value in read["learning_rates"]),
                tuple((int(step), {str(k): _number(v) for k, v in m.items()}) for step, m in read["validation"]),
            )
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InputError(where, f"'{FORMAT}'", f"another form ({type(error).__name__})") from error

    def as_csv(self) -> str:
        """A row for each step: losses, learning rate, and what was measured after it."""
        measured = dict(self.validation)
        stream = io.StringIO()
        rows = csv.writer(stream, lineterminator="\n")
        rows.writerow(["step", "loss", "learning_rate", *self.figures])
        for step, (loss, rate) in enumerate(zip(self.losses, self.learning_rates, strict=True), start=1):
            rows.writerow([step, loss, rate, *(measured.get(step, {}).get(name, "") for name in self.figures)])
        return stream.getvalue()


def mean_curves(several: Sequence[Curves]) -> Curves:
    """Mean of the curves of trainings that differ by their seed; at each step that of those that came so far.

    Args:
        several: One and more, of the same schedule.

    >>> mean_curves([Curves((1.0, 0.5), (0.1, 0.1)), Curves((2.0,), (0.1,))]).losses
    (1.5, 0.5)
    """
    longest = max(several, key=lambda one: len(one.losses))
    losses = (_mean([one.losses[k] for one in several if k < len(one.losses)]) for k in range(len(longest.losses)))
    by_step: dict[int, list[Mapping[str, float]]] = {}
    for one in several:
        for step, measured in one.validation:
            by_step.setdefault(step, []).append(measured)
    validation = tuple(
        (step, {name: _mean([one[name] for one in found if name in one]) for name in found[0]})
        for step, found in sorted(by_step.items())
    )
    return Curves(tuple(losses), longest.learning_rates, validation)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)
