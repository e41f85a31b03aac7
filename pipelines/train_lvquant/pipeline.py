"""Train a network that quantifies cines: one task, on a GPU where there is one."""

from kfp import dsl

from components.training.train_lvquant import train_lvquant as learn
from pipelines.placing import ACCESS, FITS, connect, place_fit
from pipelines.signature import Channels, of_components, takes


@dsl.pipeline(
    # not that of its component, for which the SDK would take the pipeline when it reads it back
    name="train-lvquant-network",
    display_name="Train cine quantification",
    description="Train a network that quantifies cines. Research use only.",
)
@takes(of_components(learn) | FITS | ACCESS)
def train_lvquant(given: Channels) -> None:
    """Train a network that quantifies cines, on synthetic slices, labelled cines or both.

    The network appears whole at its address, and becomes a version in the model registry on request.
    """
    learned = learn(**given.to(learn))
    place_fit(learned, "Train", given)
    connect(learned, given, mlflow=True)
