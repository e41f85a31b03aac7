"""Train a segmenter of late enhancement, on synthetic slices, labelled stacks or both."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("cuda"), install_kfp_package=False)
def train_lge(
    network_uri: str,
    network: dsl.Output[dsl.Model],
    page: dsl.Output[dsl.HTML],
    metrics: dsl.Output[dsl.Metrics],
    labelled_uri: str = "",
    like: str = "",
    architecture: str = "residual_encoder",
    size: str = "tiny",
    start_from: str = "",
    seed: int = 0,
    register: str = "",
    alias: str = "",
    tracking_uri: str = "",
    options: dict = {},  # noqa: B006
):
    """Train a segmenter of late enhancement, on synthetic slices, labelled stacks or both.

    A pod that was lost goes on from the checkpoint that its predecessor left at network_uri, where that is s3://.

    Args:
        network_uri: Folder or s3:// prefix of the network, which appears whole.
        network: The same: model.safetensors, model.json, settings.yaml, training.json, curves.json, training.html.
        page: The page of the training.
        metrics: Figures of its validation.
        labelled_uri: Folder or s3:// prefix of labelled subjects (images/ and masks/, or a folder for each subject);
            empty for synthetic data alone.
        like: Settings of a network that was trained with them (shipped, s3:// or models:/ address); the others win.
        architecture: Network: residual_encoder, as nnU-Net plans it; unet, plain; scar_net, which needs the extra lge.
        size: How large it is: tiny, small or base.
        start_from: Network whose weights it starts from: shipped, s3:// or models:/ address; empty starts at random.
        seed: Seed of weights, slices and split.
        register: Name under which the network becomes a version in the model registry; empty for none.
        alias: Name that points to that version from then on, such as champion; empty for none.
        tracking_uri: MLflow server; empty takes MLFLOW_TRACKING_URI, and without that records nothing.
        options: Further settings of the training by name, such as {"loop": {"steps": 5000}}.
    """
    from cardioscar.logs import configure
    from cardioscar.stages.training import task

    configure(stderr=True)
    # a call, because it names a setting that is given twice
    settings = dict(architecture=architecture, size=size, start_from=start_from, seed=seed, **options)
    recorded = task.Recorded(register, alias, tracking_uri)
    figures = task.run("lge", network_uri, network.path, page.path, settings, labelled_uri, like, recorded)
    for name, value in figures.items():
        metrics.log_metric(name, value)
