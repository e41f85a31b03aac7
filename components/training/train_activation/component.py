"""Train the networks of late activation, on strain phantoms, labelled strain or both."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("cuda"), install_kfp_package=False)
def train_activation(
    network_uri: str,
    network: dsl.Output[dsl.Model],
    page: dsl.Output[dsl.HTML],
    metrics: dsl.Output[dsl.Metrics],
    labelled_uri: str = "",
    like: str = "",
    members: int = 5,
    seed: int = 0,
    register: str = "",
    alias: str = "",
    tracking_uri: str = "",
    options: dict = {},  # noqa: B006
):
    """Train the networks of late activation, on strain phantoms, labelled strain or both.

    A pod that was lost goes on from the checkpoint that its predecessor left at network_uri, where that is s3://.

    Args:
        network_uri: Folder or s3:// prefix of the network, which appears whole.
        network: The same: model.safetensors, model.json, settings.yaml, training.json, curves.json, training.html.
        page: The page of the training.
        metrics: Figures of its validation.
        labelled_uri: Folder or s3:// prefix of labelled subjects (a file or folder of strain for each, with tos_ms and
            scarred); empty for synthetic data alone.
        like: Settings of a network that was trained with them (shipped, s3:// or models:/ address); the others win.
        members: Networks, which differ by their seed; how far they are apart makes the intervals.
        seed: Seed of phantoms, split and weights.
        register: Name under which the network becomes a version in the model registry; empty for none.
        alias: Name that points to that version from then on, such as champion; empty for none.
        tracking_uri: MLflow server; empty takes MLFLOW_TRACKING_URI, and without that records nothing.
        options: Further settings of the training by name, such as {"network": {"loop": {"steps": 5000}}}.
    """
    from cardioscar.logs import configure
    from cardioscar.stages.training import task

    configure(stderr=True)
    # a call, because it names a setting that is given twice
    settings = dict(members=members, seed=seed, **options)
    recorded = task.Recorded(register, alias, tracking_uri)
    figures = task.run("activation", network_uri, network.path, page.path, settings, labelled_uri, like, recorded)
    for name, value in figures.items():
        metrics.log_metric(name, value)
