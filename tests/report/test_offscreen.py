import subprocess

import pytest

from cardioscar.report import offscreen


@pytest.fixture
def fresh(monkeypatch):
    """Forget what this process found out, now and afterwards."""
    for name in ("DISPLAY", "VTK_DEFAULT_OPENGL_WINDOW"):
        monkeypatch.setenv(name, "")  # so that it is put back, even where it was not set
        monkeypatch.delenv(name)
    offscreen._rendering_fault.cache_clear()
    yield monkeypatch
    offscreen._rendering_fault.cache_clear()


def test_a_crash_of_the_driver_is_a_reason_not_the_end(fresh):
    fresh.setattr(offscreen, "_PROBE", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    with pytest.raises(offscreen.SceneUnavailableError, match="signal 11"):
        offscreen.prepare_rendering()


def test_what_vtk_says_is_passed_on_once(fresh):
    line = "2026 (0s) [7F]vtkOSOpenGLRenderWindow:150 WARN| libOSMesa not found. Please install OSMesa."
    fresh.setattr(
        offscreen, "_PROBE", f"import sys; sys.stderr.write({line + chr(10) + line + chr(10)!r}); sys.exit(3)"
    )
    with pytest.raises(offscreen.SceneUnavailableError) as error:
        offscreen.prepare_rendering()
    assert str(error.value).count("libOSMesa not found") == 1


def test_the_second_kind_of_window_is_tried(fresh):
    fresh.setattr(
        offscreen,
        "_PROBE",
        "import os; raise SystemExit(os.environ['VTK_DEFAULT_OPENGL_WINDOW'] != 'vtkOSMesaRenderWindow')",
    )
    fresh.setattr("sys.platform", "linux")
    offscreen.prepare_rendering()
    assert offscreen.os.environ["VTK_DEFAULT_OPENGL_WINDOW"] == "vtkOSMesaRenderWindow"


def test_a_probe_that_hangs_is_a_reason(fresh):
    def hang(*args, **kwargs):
        raise subprocess.TimeoutExpired("python", 60)

    fresh.setattr(subprocess, "run", hang)
    with pytest.raises(offscreen.SceneUnavailableError, match="TimeoutExpired"):
        offscreen.prepare_rendering()
