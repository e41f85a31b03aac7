from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from cardioscar.report.thumbnail import SIZE, heart_thumbnail, thumbnail_webp
from cardioscar.report.viewer import ShownScar, viewer_content


def drawn(shell, scar, septum):
    found = viewer_content(shell, ShownScar(scar, None), axis=np.array([0, 0, 1.0]), septal_direction=septum)
    return heart_thumbnail(found["volume"]).astype(int)


def red(picture):
    return (picture[..., 0] > 1.6 * picture[..., 1]) & (picture[..., 0] > picture[..., 2])


@pytest.mark.parametrize(("septum", "side"), [([-1.0, 0, 0], "left"), ([1.0, 0, 0], "right"), ([0, -1.0, 0], "middle")])
def test_every_heart_is_seen_from_its_anterior_wall(shell, scar, septum, side):
    picture = drawn(shell, scar, np.array(septum))
    assert picture.shape == (SIZE, SIZE, 3)
    rows, columns = np.nonzero(red(picture))  # the scar lies at −x of the patient
    assert len(columns) > 60
    place = columns.mean() / SIZE
    assert {"left": place < 0.4, "right": place > 0.6, "middle": 0.35 < place < 0.65}[side]
    assert 0.3 < rows.mean() / SIZE < 0.85


def test_without_scar_the_wall_stands_alone(shell):
    picture = drawn(shell, np.zeros(shell.n_nodes), np.array([-1.0, 0, 0]))
    assert not red(picture).any()
    assert 0.15 < (picture < 250).all(axis=2).mean() < 0.8
    assert (picture[0, 0] == 255).all()


def test_it_is_light_and_read_back(shell, scar):
    picture = drawn(shell, scar, np.array([-1.0, 0, 0])).astype(np.uint8)
    data = thumbnail_webp(picture)
    assert len(data) < 1500  # a thousand of them travel in a cohort's page
    assert data == thumbnail_webp(picture)
    with Image.open(BytesIO(data)) as image:
        back = np.asarray(image.convert("RGB")).astype(int)
    assert np.abs(back - picture).mean() < 8
