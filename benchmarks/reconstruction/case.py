"""One case as the benchmark keeps it: what the methods are given, and what they are scored against."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from cardioscar.imaging.formats.slice_files import load_stack, save_stack
from cardioscar.imaging.slices import SliceStack
from cardioscar.scar3d.observation.problem import Problem, build_problem
from cardioscar.scar3d.observation.refinement import may_be_coarse


@dataclass(frozen=True)
class Hidden:
    """Wall pixels that no method sees.

    Attributes:
        weights: Interpolation from nodes to pixel centres, shape (pixels, nodes).
        fraction: Observed scar fraction, shape (pixels,).
        pixel_ml: Volume of each pixel's prism in ml, shape (pixels,).
        slice_number: Slice of each pixel, shape (pixels,).
    """

    weights: sparse.csr_array
    fraction: np.ndarray
    pixel_ml: np.ndarray
    slice_number: np.ndarray


@dataclass(frozen=True)
class Case:
    """A heart with its visible slices, and the truth: at its nodes (phantom) or at hidden pixels (real).

    Attributes:
        name: Short name in tables.
        nodes_mm: Mesh nodes in mm LPS, shape (nodes, 3).
        node_ml: Volume of each node in ml, shape (nodes,).
        tetrahedra: Corners of the cells, shape (cells, 4).
        coordinates: LV coordinates as `Problem` has them, shape (nodes, 3).
        segment: AHA segment of each node, 1 to 17, shape (nodes,).
        stack: Visible slices.
        truth: True scar at the nodes; None for a real case.
        corridor: Nodes of the living corridor through the scar, none where there is no such corridor.
        hidden: Hidden pixels; None for a phantom.
        facts: What the case is, for tables.
    """

    name: str
    nodes_mm: np.ndarray
    node_ml: np.ndarray
    tetrahedra: np.ndarray
    coordinates: np.ndarray
    segment: np.ndarray
    stack: SliceStack
    truth: np.ndarray | None
    corridor: np.ndarray
    hidden: Hidden | None
    facts: Mapping[str, Any]

    def problem(self) -> Problem:
        """What a method is given."""
        wall_ml = float(self.node_ml.sum())
        cells = self.tetrahedra if may_be_coarse(len(self.nodes_mm), wall_ml) else None  # as `infer` does
        return build_problem(self.nodes_mm, self.stack, wall_ml=wall_ml, coordinates=self.coordinates, tetrahedra=cells)

    def save(self, folder: Path) -> None:
        """Write the case; a folder that is there is whole."""
        folder.parent.mkdir(parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(prefix=".new-", dir=folder.parent))
        arrays = {
            "nodes_mm": self.nodes_mm,
            "node_ml": self.node_ml,
            "tetrahedra": self.tetrahedra.astype(np.int32),
            "coordinates": self.coordinates.astype(np.float32),
            "segment": self.segment.astype(np.uint8),
            "corridor": self.corridor,
        }
        if self.truth is not None:
            arrays["truth"] = self.truth
        if self.hidden is not None:
            arrays |= {"fraction": self.hidden.fraction, "pixel_ml": self.hidden.pixel_ml}
            arrays["hidden_slice"] = self.hidden.slice_number
            sparse.save_npz(new / "hidden.npz", self.hidden.weights, compressed=False)
        np.savez(new / "arrays.npz", allow_pickle=False, **arrays)
        save_stack(new / "slices.npz", self.stack)
        (new / "facts.json").write_text(json.dumps({"name": self.name, **self.facts}, indent=1) + "\n", "utf-8")
        try:
            new.replace(folder)
        except OSError:  # another process was first
            shutil.rmtree(new)

    @staticmethod
    def load(folder: Path) -> Case:
        """Read what `save` wrote."""
        facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
        with np.load(folder / "arrays.npz", allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        hidden = None
        if (folder / "hidden.npz").is_file():
            weights = sparse.load_npz(folder / "hidden.npz")
            hidden = Hidden(weights, arrays["fraction"], arrays["pixel_ml"], arrays["hidden_slice"])
        return Case(
            name=facts.pop("name"),
            nodes_mm=arrays["nodes_mm"],
            node_ml=arrays["node_ml"],
            tetrahedra=arrays["tetrahedra"],
            coordinates=arrays["coordinates"],
            segment=arrays["segment"],
            stack=load_stack(folder / "slices.npz"),
            truth=arrays.get("truth"),
            corridor=arrays["corridor"],
            hidden=hidden,
            facts=facts,
        )
