from __future__ import annotations

import pytest

from cardioscar.errors import PlatformError
from cardioscar.files.atomic import atomic_file


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
