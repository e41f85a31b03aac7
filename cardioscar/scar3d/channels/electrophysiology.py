"""What electrophysiologists need of a scar map: certainty, border zone, conducting channels, transmurality, regions."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np

from cardioscar.imaging.formats.mesh_arrays import put_result
from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.imaging.tetrahedra import TETRA, Tetrahedra, tetrahedra_of
from cardioscar.scar3d.channels.open_probability import ChannelWatch
from cardioscar.scar3d.channels.rows import channel_rows
from cardioscar.scar3d.channels.search import find_channels
from cardioscar.scar3d.channels.transmurality import wall_transmurality
from cardioscar.scar3d.channels.zones import element_tags, scar_certainty
from cardioscar.types import NodeMask, NodeValues

log = logging.getLogger(__name__)

FILE = "electrophysiology.json"
OPEN = 0.5
"""Share of draws in which a channel must be open to be called open, and to be conducting in a simulation."""


class ElectrophysiologyMap:
    """Certainty, border zone, channels and transmurality of one scar map.

    Call `see` with each posterior draw of the scar, then `write`.

    Args:
        mesh: LV mesh; its point data `transmural`, `apicobasal`, `aha_segment` and `border_zone` are used where they
            are there.
        probability: Scar probability at the nodes, 0 to 1, shape (nodes,).
        threshold: Probability from which a node is scar.
        doubt_range: Probabilities between which scar is in doubt. Channels that the map closes with tissue below the
            second are found too.
    """

    def __init__(
        self, mesh: LVMesh, probability: NodeValues, *, threshold: float, doubt_range: tuple[float, float]
    ) -> None:
        self._mesh, self._probability = mesh, np.asarray(probability, dtype=float)
        self._threshold, self._doubt_range = threshold, doubt_range
        self._cells = _cells(mesh)
        data = mesh.grid.point_data
        self._transmural = np.asarray(data["transmural"], dtype=float) if "transmural" in data else None
        channels = find_channels(
            mesh.nodes_mm,
            self._cells,
            self._transmural,
            self._probability,
            thresholds=tuple(sorted({threshold, max(threshold, doubt_range[1])})),
            edge_mm=mesh.edge_mm,
            cut=_cut_nodes(data),
        )
        self._watch = ChannelWatch(channels, threshold=threshold)

    def see(self, scar: NodeValues) -> None:
        """Take in one draw of the scar, 0 to 1, shape (nodes,)."""
        self._watch.see(scar)

    def write(self, folder: Path) -> None:
        """Add point data to the mesh and write `electrophysiology.json`.

        Point data: `scar_certainty` (0 none, 1 possible, 2 uncertain, 3 likely), `border_zone` (1 where the signal says
        so and the map has no scar; only where there is an image), `channel` (id, 0 none), `channel_open_probability`
        (0 outside channels; NaN where no draw was seen), `scar_transmurality` (share of the wall's depth; only where
        the mesh has LV coordinates).

        Args:
            folder: The subject's folder.
        """
        channels, share = self._watch.channels, self._watch.open_probability
        data = self._mesh.grid.point_data
        number = np.zeros(self._mesh.n_nodes, dtype=np.uint8 if len(channels) < 256 else np.uint16)
        probability = np.zeros(self._mesh.n_nodes, dtype=np.float32)
        for n in range(len(channels) - 1, -1, -1):
            number[channels[n].nodes], probability[channels[n].nodes] = n + 1, share[n]
        put_result(data, "scar_certainty", scar_certainty(self._probability, self._threshold, self._doubt_range))
        border_zone = self._border_zone()
        if border_zone is not None:
            put_result(data, "border_zone", border_zone.astype(np.uint8))
        put_result(data, "channel", number)
        put_result(data, "channel_open_probability", probability)
        content: dict[str, Any] = {
            "channels": channel_rows(channels, self._mesh, self._cells, share.tolist()),
            "channel_draws": self._watch.draws,
            "transmurality": self._transmurality(),
        }
        (folder / FILE).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        log.info("%d conducting channels, %d open", len(channels), int((share > OPEN).sum()))

    def _transmurality(self) -> dict[str, dict[str, float]]:
        data, volumes = self._mesh.grid.point_data, self._mesh.node_volumes_ml
        if self._transmural is None:
            return {}
        scar = self._probability >= self._threshold
        found = wall_transmurality(
            self._mesh.nodes_mm,
            self._cells,
            self._transmural,
            scar,
            volumes,
            patch_mm=max(4.0, 2 * self._mesh.edge_mm),
        )
        put_result(data, "scar_transmurality", found.share.astype(np.float32))
        if "aha_segment" not in data:
            return {}
        return {str(n): row for n, row in found.by_segment(np.asarray(data["aha_segment"])).items()}

    def element_tags(self) -> np.ndarray:
        """Tag of each cell for openCARP, see `ElementTag`; a channel that most draws close is no channel there."""
        channels, share = self._watch.channels, self._watch.open_probability
        conducting = np.zeros(self._mesh.n_nodes, dtype=bool)
        for channel, probability in zip(channels, share, strict=True):
            if not probability < OPEN:  # without draws as well
                conducting[channel.nodes] = True
        return element_tags(
            self._mesh,
            self._probability,
            self._threshold,
            border_zone=self._border_zone(),
            channel=conducting,
            likely=self._doubt_range[1],
        )

    def _border_zone(self) -> NodeMask | None:
        """Border zone by signal, less what the map calls scar; None without an image."""
        data = self._mesh.grid.point_data
        if "border_zone" not in data:
            return None
        return (np.asarray(data["border_zone"]) > 0) & (self._probability < self._threshold)


def _cells(mesh: LVMesh) -> Tetrahedra:
    """Tetrahedra of the mesh; which way round their corners run plays no part here, so they are not turned."""
    if (mesh.grid.celltypes == TETRA).all():
        return np.asarray(mesh.grid.cell_connectivity).reshape(-1, 4)
    return tetrahedra_of(mesh.grid)


def _cut_nodes(data: Any) -> np.ndarray | None:
    """Nodes of the base, and of the apical cut where there is no apex."""
    if "apicobasal" not in data:
        return None
    height = np.asarray(data["apicobasal"])
    cut = height >= 1
    if "aha_segment" in data and not (np.asarray(data["aha_segment"]) == 17).any():
        cut |= height <= 0
    return cut


def read_electrophysiology(folder: Path) -> dict[str, Any]:
    """Content of `electrophysiology.json`; empty for a map that was made without a search.

    Args:
        folder: The subject's folder of `infer`.

    Returns:
        `channels` (rows, see `channel_rows`), `channel_draws`, and `transmurality` by AHA segment.
    """
    path = folder / FILE
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}
