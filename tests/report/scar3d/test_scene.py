import numpy as np
import pytest

from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.report import camera
from cardioscar.report.offscreen import SceneUnavailableError, prepare_rendering
from cardioscar.report.scar3d import scene
from cardioscar.report.style import SCAR_CMAP


@pytest.fixture(scope="module")
def rendering():
    try:
        prepare_rendering()
    except SceneUnavailableError as error:
        pytest.skip(str(error))


def test_views_are_right_handed_frames_with_the_base_up():
    axis = np.array([0.0, 0, 1])
    for view in scene.standard_views(axis, np.array([-1.0, 0, 0]), "Scar"):
        frame = np.array([view.right, view.up, view.direction])
        assert frame @ frame.T == pytest.approx(np.eye(3))
        assert np.linalg.det(frame) == pytest.approx(1)
        assert view.up @ axis > 0.9


def test_scar_shows_from_its_side_and_from_the_cavity_only(rendering, shell, scar, share_near):
    grid = scene._light_copy(shell, scar, None)
    surface = grid.extract_surface(algorithm="dataset_surface")
    core = SCAR_CMAP(1.0)[:3]
    shares = []
    for view in scene.standard_views(np.array([0.0, 0, 1]), np.array([-1.0, 0, 0]), "Scar"):
        with camera.studio() as plotter:
            scene._add(plotter, grid, surface, "scar_probability", view, SCAR_CMAP, (0, 1), 0.5)
            image = camera.photograph(plotter, view, shell.nodes_mm, 60.0)
        assert image.shape == (*camera.PIXELS[::-1], 3)
        assert (image[:4] == 255).all()
        assert (image[:, :4] == 255).all()
        assert image.std() > 20
        dark = np.abs(image.astype(int) - np.round(255 * np.asarray(core)).astype(int)).max(axis=-1) < 45
        shares.append(dark.mean())
    assert shares[0] > 0.02
    assert shares[1] > 0.02
    # only the tail of the threshold line over the rim may look like it
    assert shares[2] < 0.1 * shares[0]


def test_the_figure_has_four_views_and_leaves_the_mesh_alone(rendering, shell, scar, pixels):
    names = list(shell.grid.point_data.keys())
    figure = scene.scene_figure(shell, scar, 0.3 * scar * (1 - scar))
    written = " ".join(text.get_text() for text in figure.texts)
    for title in ("Scar side", "from the cavity", "Opposite side", "Uncertainty", "seen from the right"):
        assert title in written
    assert pixels(figure).std() > 25
    assert list(shell.grid.point_data.keys()) == names


def test_a_heart_without_scar_is_drawn(rendering, shell):
    figure = scene.scene_figure(shell, np.zeros(shell.n_nodes))
    written = " ".join(text.get_text() for text in figure.texts)
    assert "Septal side" in written
    assert "Uncertainty" not in written


def test_tetrahedra_are_drawn(rendering, scar, shell, pixels):
    mesh = LVMesh(shell.grid.triangulate(), "tetrahedra.vtu")
    tetrahedra, whole = (pixels(scene.scene_figure(one, scar)).astype(float) for one in (mesh, shell))
    assert whole.std() > 25
    assert np.abs(tetrahedra - whole).mean() < 1


def test_pictures_of_one_studio_are_those_of_a_new_one_each(rendering, shell, scar):
    grid = scene._light_copy(shell, scar, None)
    surface = grid.extract_surface(algorithm="dataset_surface")
    views = scene.standard_views(np.array([0.0, 0, 1]), np.array([-1.0, 0, 0]), "Scar")

    def picture(plotter, view):
        scene._add(plotter, grid, surface, "scar_probability", view, SCAR_CMAP, (0, 1), 0.5)
        return camera.photograph(plotter, view, shell.nodes_mm, 60.0)

    with camera.studio() as plotter:
        together = [picture(plotter, view) for view in views]
    for view, one in zip(views, together, strict=True):
        with camera.studio() as plotter:
            np.testing.assert_array_equal(picture(plotter, view), one)


def test_a_scar_that_does_not_reach_the_surface_is_shown_from_the_cavity_first(rendering, shell):
    depth = np.clip((np.hypot(shell.nodes_mm[:, 0] / 27, shell.nodes_mm[:, 1] / 27) - 0.8) / 0.4, 0, 1)
    left = shell.nodes_mm[:, 0] < -15
    mesh = LVMesh(shell.grid.copy(), "shell.vtu")
    titles = []
    for scar in (left & (depth < 0.5), left):
        mesh.grid.point_data["transmural"] = np.where(scar, 0.5, 1.0) if scar.sum() < left.sum() else np.ones(len(scar))
        figure = scene.scene_figure(mesh, scar.astype(float), axis=np.array([0.0, 0, 1]))
        titles.append([text.get_text() for text in figure.texts])
    hidden, seen = titles
    assert hidden[0] == "Scar side, from the cavity"
    assert "no scar reaches this surface" in hidden
    assert seen[0] == "Scar side"
    # the opposite side of the second is bare, its own is not
    assert seen.count("no scar reaches this surface") == 1
