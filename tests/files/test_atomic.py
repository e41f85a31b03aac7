from __future__ import annotations

import pytest

from cardioscar.errors import PlatformError
from cardioscar.files.atomic import atomic_file, renamed


def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def interrupted() -> None:
        with atomic_file(path) as partial:
            partial.write_text("ne")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_errors_name_the_file_and_not_its_folder(tmp_path):
    with pytest.raises(PlatformError) as caught, atomic_file(tmp_path / "none" / "a.txt") as partial:
        partial.write_text("x")
    assert str(caught.value) == "a.txt: could not be written (No such file or directory)"


def test_what_a_killed_process_left_under_a_known_name_is_written_over(tmp_path):
    (tmp_path / "a.partial").write_text("torn by a kill")
    with renamed(tmp_path / "a.partial", tmp_path / "a") as partial:
        partial.write_text("whole")
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a", "whole")]
    with pytest.raises(FileNotFoundError), renamed(tmp_path / "b.partial", tmp_path / "b"):
        (tmp_path / "c" / "d").write_text("no such folder")
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a", "whole")]
