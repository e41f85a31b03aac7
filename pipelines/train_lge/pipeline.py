"""Train a segmenter of late enhancement: one task, on a GPU where there is one."""

from kfp import dsl

from components.training.train_lge import train_lge as learn
from pipelines.placing import ACCESS, FITS, connect, place_fit
from pipelines.signature import Channels, of_components, takes


@dsl.pipeline(
    # not that of its component, for which the SDK would take the pipeline when it reads it back
    name="train-lge-network",
    display_name="Train late enhancement",
    description="Train a segmenter of late enhancement. Research use only.",
)
@takes(of_components(learn) | FITS | ACCESS)
def train_lge(given: Channels) -> None:
    """Train a segmenter of late enhancement, on synthetic slices, labelled stacks or both.

    The network appears whole at its address, and becomes a version in the model registry on request.
    """
    learned = learn(**given.to(learn))
    place_fit(learned, "Train", given)
    connect(learned, given, mlflow=True)
