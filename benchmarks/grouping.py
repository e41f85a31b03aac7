"""Pixels to groups of nodes: CPU time beside the loop over pixels of the original method, in the same run.

    python benchmarks/grouping.py [--nodes 300000] [--pixel-mm 1.07] [--sample 300]

The original method tests, for each pixel in turn, which nodes lie in the bounding box of the pixel's cell. Its time is
measured on a sample of the pixels and multiplied up, because all of them take minutes. In oblique slices a bounding box
is larger than the pixel; how much so is printed too.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

from cardioscar.imaging.slices import SliceStack
from cardioscar.phantom.config import PhantomConfig
from cardioscar.phantom.subject import make_phantom
from cardioscar.scar3d.observation.groups import group_nodes

CORNERS = np.array(np.meshgrid(*[[-0.5, 0.5]] * 3, indexing="ij")).reshape(3, 8).T


def boxes(stack: SliceStack) -> np.ndarray:
    """Bounding boxes of the observed pixels' prisms in mm, shape (pixels, 2, 3)."""
    found = []
    for piece in stack:
        pixels = np.argwhere(piece.observed)
        index = np.column_stack([pixels, np.zeros(len(pixels))])[:, None, :] + CORNERS
        points = index @ piece.affine[:3, :3].T + piece.affine[:3, 3]
        found.append(np.stack([points.min(axis=1), points.max(axis=1)], axis=1))
    return np.concatenate(found)


def loop_over_pixels(nodes_mm: np.ndarray, pixel_boxes: np.ndarray) -> list[np.ndarray]:
    """The nodes in the bounding box of each pixel, one pixel after the other."""
    return [np.flatnonzero(((nodes_mm >= low) & (nodes_mm <= high)).all(axis=1)) for low, high in pixel_boxes]


def cpu_seconds(work: Callable[[], object], repeats: int) -> float:
    """CPU time of the fastest of several runs in seconds."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nodes", type=int, default=300_000, help="wanted number of mesh nodes")
    parser.add_argument("--pixel-mm", type=float, default=1.07, help="pixel size; 1.07 mm gives about 15,000 pixels")
    parser.add_argument("--sample", type=int, default=300, help="pixels on which the loop is measured")
    arguments = parser.parse_args()

    config = PhantomConfig(nodes=arguments.nodes, pixel_mm=(arguments.pixel_mm,) * 2, tilt_deg=(12.0, 12.0))
    phantom = make_phantom(config)
    nodes_mm, stack = phantom.mesh.nodes_mm, phantom.stack
    pixel_boxes = boxes(stack)
    sample = np.random.default_rng(0).choice(len(pixel_boxes), min(arguments.sample, len(pixel_boxes)), replace=False)

    groups = group_nodes(nodes_mm, stack)
    ours = cpu_seconds(lambda: group_nodes(nodes_mm, stack), repeats=5)
    part = cpu_seconds(lambda: loop_over_pixels(nodes_mm, pixel_boxes[sample]), repeats=1)
    loop = part * len(pixel_boxes) / len(sample)
    in_boxes = sum(map(len, loop_over_pixels(nodes_mm, pixel_boxes[sample]))) * len(pixel_boxes) / len(sample)
    in_prisms = int((groups.group_index >= 0).sum())

    print(f"{len(nodes_mm)} nodes, {len(pixel_boxes)} wall pixels in {len(stack)} slices")
    print(f"group_nodes      {ours:9.3g} CPU-s   {in_prisms} nodes, each in the one pixel that sees it")
    print(
        f"loop over pixels {loop:9.3g} CPU-s   measured on {len(sample)} pixels and multiplied up; "
        f"its boxes hold {in_boxes / in_prisms:.1f} times as many nodes"
    )
    print(f"ratio            {loop / ours:9.0f}")


if __name__ == "__main__":
    main()
