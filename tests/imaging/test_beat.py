from __future__ import annotations

import numpy as np
import pytest

from cardioscar.imaging.beat import BeatCurve


def test_the_beat_contracts_once_and_returns() -> None:
    phase = np.linspace(0, 1, 401)
    for end_systole in (0.25, 0.36, 0.5):
        curve = BeatCurve.ending_at(end_systole)(phase)
        assert (curve >= -1e-9).all()
        assert (curve <= 1 + 1e-9).all()
        assert phase[np.argmax(curve)] == pytest.approx(end_systole, abs=0.003)
        assert (np.diff(curve[phase <= end_systole]) >= -1e-12).all()
        assert (np.diff(curve[phase >= end_systole]) <= 1e-12).all()
        assert curve[0] == pytest.approx(curve[-1], abs=1e-9)
