"""Hold-outs of fifty hearts: no subject fails because a number left its range by rounding."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from cardioscar.imaging.sampling import sample_nodes
from cardioscar.phantom.cohort import write_cohort
from cardioscar.phantom.config import PhantomConfig
from cardioscar.phantom.subject import make_phantom
from cardioscar.scar3d.observation.baselines import to_beat
from cardioscar.scar3d.observation.files import HeldOut
from cardioscar.scar3d.observation.holdout import hidden_slices
from cardioscar.scar3d.observation.interpolation import log_odds, signed_distance
from cardioscar.scar3d.observation.problem import build_problem
from cardioscar.scar3d.posterior.posterior_config import PosteriorConfig
from cardioscar.scar3d.posterior.scar_posterior import ScarPosterior
from cardioscar.scar3d.quality.scoring import heldout_scores
from cardioscar.stages.run.cohort import run_cohort
from cardioscar.stages.scar3d.workflow import RECONSTRUCT
from tests.finished_run import OPTIONS


@pytest.mark.parametrize("seed", range(50))
def test_hidden_slices_of_small_meshes_can_be_scored(seed: int) -> None:
    config = PhantomConfig(seed=seed, nodes=2_500 + 30 * seed, pixel_mm=(1.6, 2.0), spacing_mm=(9.0, 10.0))
    phantom = make_phantom(config, seed % 10)
    mesh, stack = phantom.mesh, phantom.stack
    for holdout in ("odd", "even"):
        hidden = hidden_slices(stack, holdout)
        shown, pieces = stack.only({s.number for s in stack} - hidden), stack.only(hidden)
        problem = build_problem(mesh.nodes_mm, shown, wall_ml=mesh.volume_ml)
        prior = log_odds(shown, mesh.nodes_mm)
        # hard 0 and 1 at many nodes, as a map has them: only there do weights beyond 0 to 1 leave the range
        found = ScarPosterior(problem, 60 * (prior - 0.5), PosteriorConfig(inducing_mm=8.0), projection="none")
        pixels = np.concatenate([s.pixel_centers_mm() for s in pieces]).astype(np.float32).astype(float)
        sampled, _ = sample_nodes(mesh, found.probability, pixels)
        scores = heldout_scores(
            HeldOut(
                pixel_mm=pixels,
                fraction=np.concatenate([s.values[s.observed] for s in pieces]).astype(np.float32),
                slice_number=np.concatenate([np.full(s.observed.sum(), s.number) for s in pieces]),
                pixel_ml=np.ones(len(pixels)),
            ),
            {
                "cardioscar": sampled,
                "baseline": to_beat(shown).at(shown, pixels),
                "log_odds": log_odds(shown, pixels),
                "signed_distance": signed_distance(shown, pixels),
            },
            threshold=0.5,
        )
        assert scores.slices == tuple(sorted(hidden))
        for row in scores.scores.values():
            for name in ("ece", "brier", "dice"):
                value = getattr(row, name)
                assert value is None or 0 <= value <= 1


@pytest.mark.parametrize("holdout", ["odd", "even"])
def test_no_subject_of_a_cohort_fails_for_its_holdout(tmp_path: Path, holdout: str) -> None:
    write_cohort(tmp_path / "cohort", PhantomConfig(subjects=3, seed=40, nodes=2_500))
    options = OPTIONS | {"preprocess": {"holdout": holdout}, "train": OPTIONS["train"] | {"steps": 15}}
    options["infer"] = OPTIONS["infer"] | {"draws": 3}
    run_cohort(RECONSTRUCT, tmp_path / "cohort", tmp_path / "out", options, jobs=1)
    with (tmp_path / "out" / "results" / "cohort.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["outcome"] for row in rows] == ["ok"] * 3
    assert all(0 <= float(row["heldout_dice"]) <= 1 for row in rows)
