"""The optimiser gives PyTorch's numbers and leaves PyTorch's compiler alone."""

from __future__ import annotations

import subprocess
import sys

import torch

from cardioscar.learning.adamw import AdamW

FIT = """
import sys
import numpy as np
from cardioscar.scar3d.field.fit import fit_field
from cardioscar.scar3d.field.fit_config import FitConfig
from cardioscar.scar3d.field.plan import Observations

rng = np.random.default_rng(0)
seen = Observations(rng.random((40, 3)) * 40, np.arange(0, 41, 4), rng.random(10), np.ones(10), np.array([0, 10]))
assert fit_field(seen, FitConfig(steps=2, device="cpu")).steps == 2
print("torch" in sys.modules, "torch._dynamo" in sys.modules)
"""


def descend(optimizer_class: type[torch.optim.Optimizer], *, resumed: bool) -> torch.Tensor:
    weights = torch.linspace(-1, 2, 12).reshape(4, 3).requires_grad_()
    optimizer = optimizer_class([weights], lr=0.1, weight_decay=0.1, fused=True)
    for step in range(10):
        if resumed and step == 5:
            stored = optimizer.state_dict()
            optimizer = optimizer_class([weights], lr=0.1, weight_decay=0.1, fused=True)
            optimizer.load_state_dict(stored)
        optimizer.zero_grad(set_to_none=True)
        (weights**2).sum().backward()
        optimizer.step()
    return weights.detach()


def test_it_steps_as_pytorchs_own_does_also_when_resumed() -> None:
    expected = descend(torch.optim.AdamW, resumed=False)
    assert torch.equal(descend(AdamW, resumed=False), expected)
    assert torch.equal(descend(AdamW, resumed=True), expected)


def test_a_fit_does_not_import_the_compiler() -> None:
    done = subprocess.run([sys.executable, "-c", FIT], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]
