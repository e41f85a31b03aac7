"""Train the networks of late activation: one task, on CPUs."""

from kfp import dsl

from components.training.train_activation import train_activation as learn
from pipelines.placing import ACCESS, FITS_ON_CPUS, connect, place_fit
from pipelines.signature import Channels, of_components, takes


@dsl.pipeline(
    # not that of its component, for which the SDK would take the pipeline when it reads it back
    name="train-activation-network",
    display_name="Train late activation",
    description="Train the networks of late activation. Research use only.",
)
@takes(of_components(learn) | FITS_ON_CPUS | ACCESS)
def train_activation(given: Channels) -> None:
    """Train the networks of late activation, on strain phantoms, labelled strain or both.

    The network appears whole at its address, and becomes a version in the model registry on request.
    """
    learned = learn(**given.to(learn))
    place_fit(learned, "Train", given)
    connect(learned, given, mlflow=True)
