"""Whether this machine can draw 3D scenes without a screen, found out without risking the process."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import lru_cache

from cardioscar.errors import CardioscarError

_WINDOW = "VTK_DEFAULT_OPENGL_WINDOW"

# Draws a red window of 8 by 8 pixels and reads one pixel back; imports no more of VTK than that takes.
_PROBE = """
from vtkmodules import vtkRenderingOpenGL2
from vtkmodules.vtkCommonCore import vtkUnsignedCharArray
from vtkmodules.vtkRenderingCore import vtkRenderer, vtkRenderWindow
window, renderer, pixel = vtkRenderWindow(), vtkRenderer(), vtkUnsignedCharArray()
window.SetOffScreenRendering(1)
window.SetSize(8, 8)
renderer.SetBackground(1, 0, 0)
window.AddRenderer(renderer)
window.Render()
window.GetPixelData(4, 4, 4, 4, 0, pixel, 0)
raise SystemExit(0 if tuple(pixel.GetTuple3(0)) == (255, 0, 0) else 3)
"""


class SceneUnavailableError(CardioscarError):
    """This machine cannot render 3D scenes: a missing picture, not a failed subject."""

    kind = "scene"


def prepare_rendering() -> None:
    """Find a way to render without a screen, and choose it for this process.

    VTK ends the whole process with a segmentation fault where neither EGL nor OSMesa can be loaded, so the first
    attempt is made in a child process. It takes about half a second, once a process.

    Raises:
        SceneUnavailableError: With VTK's own words on what is missing.
    """
    fault = _rendering_fault()
    if fault is not None:
        raise SceneUnavailableError(fault)


@lru_cache(maxsize=1)
def _rendering_fault() -> str | None:
    # With a screen, or a choice made outside, VTK decides; without, asking for X first only costs time and noise.
    decided = bool(os.environ.get("DISPLAY") or os.environ.get(_WINDOW)) or sys.platform != "linux"
    reasons: list[str] = []
    for window in (None,) if decided else ("vtkEGLRenderWindow", "vtkOSMesaRenderWindow"):
        reason = _probe(window)
        if reason is None:
            if window is not None:
                os.environ[_WINDOW] = window
            return None
        reasons += [part for part in reason if part not in reasons]
    return f"3D views could not be rendered here: {' '.join(reasons)}"


def _probe(window: str | None) -> list[str] | None:
    """Try one kind of window in a child process; None if it works, else what it said."""
    environment = os.environ | ({_WINDOW: window} if window else {})
    try:
        done = subprocess.run(  # noqa: S603 (our own interpreter, our own constant text)
            [sys.executable, "-c", _PROBE], env=environment, capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return [f"the test picture did not come about ({type(error).__name__})."]
    if done.returncode == 0:
        return None
    said = re.findall(r"(?:WARN|ERR)\|\s*(.+?)(?:\x1b\[0m)?$", done.stderr, flags=re.MULTILINE)
    # VTK repeats itself, and names classes where the user needs the library
    useful = list(dict.fromkeys(line for line in said if "install" in line))
    ended = f"signal {-done.returncode}" if done.returncode < 0 else f"exit status {done.returncode}"
    return useful or [f"the test picture ended with {ended}."]
