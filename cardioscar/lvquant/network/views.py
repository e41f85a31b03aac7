"""Quarter turns and mirror images of a slice, and what becomes of its indices.

Sectors are counted from the septum in one sense of rotation. A turn leaves them as they are. In a mirror image the
heart has the other sense: what was inferior lies where anterior is looked for, so that the indices change places.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Shaped


@dataclass(frozen=True)
class View:
    """A way to look at a slice.

    Attributes:
        turns: Quarter turns from the axis of i towards that of j.
        mirrored: Whether the axis of j is reversed afterwards.

    >>> View(1, True).undone(View(1, True).seen(np.arange(6).reshape(2, 3)))
    array([[0, 1, 2],
           [3, 4, 5]])
    """

    turns: int = 0
    mirrored: bool = False

    def seen(self, image: Shaped[np.ndarray, "... i j"]) -> Shaped[np.ndarray, "... rows columns"]:
        """Pixels as they are seen; the plane is the last two axes."""
        turned = np.rot90(image, self.turns, axes=(-2, -1))
        return np.ascontiguousarray(turned[..., ::-1] if self.mirrored else turned)

    def undone(self, image: Shaped[np.ndarray, "... rows columns"]) -> Shaped[np.ndarray, "... i j"]:
        """Pixels back where they were."""
        turned = image[..., ::-1] if self.mirrored else image
        return np.ascontiguousarray(np.rot90(turned, -self.turns, axes=(-2, -1)))

    def pixel_mm(self, pixel_mm: Float[np.ndarray, " axes"]) -> Float[np.ndarray, " axes"]:
        """Size of a pixel along the rows and columns that are seen."""
        return np.asarray(pixel_mm)[::-1].copy() if self.turns % 2 else np.asarray(pixel_mm)

    def reordered(self, values: Float[np.ndarray, "... count"]) -> Float[np.ndarray, "... count"]:
        """Dimensions or wall thicknesses of the slice as those of the view, or back: it is its own inverse.

        The two insertions change places, IS with AS, I with A and IL with AL; of the dimensions IS–AL with IL–AS.
        """
        return np.asarray(values)[..., ::-1].copy() if self.mirrored else np.asarray(values)


VIEWS = tuple(View(turns, mirrored) for mirrored in (False, True) for turns in range(4))
"""All eight; the first is the slice itself."""
UPRIGHT = tuple(view for view in VIEWS if view.turns % 2 == 0)
"""Those that leave the numbers of rows and columns as they are."""
