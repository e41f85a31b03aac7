"""Fit the scar field of each subject."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("cuda"), install_kfp_package=False)
def train(
    subjects: list[str],
    sorted_groups: dsl.Input[dsl.Dataset],
    fields: dsl.Output[dsl.Model],
    method: str = "fourier",
    seed: int = 0,
    device: str = "auto",
    start_from: str = "",
    options: dict = {},  # noqa: B006
):
    """Fit the scar field of each subject to the group means, on a GPU where there is one.

    Args:
        subjects: Ids of the subjects of this shard.
        sorted_groups: Output of group_sort.
        fields: One folder for each subject with field.safetensors, field.json, history.csv and status.json.
        method: fourier (Fourier features, full batch) or reference (the published network and its map).
        seed: Seed of every random draw.
        device: Where fields are fitted: auto (a GPU if the pod has one), cpu or cuda.
        start_from: Pretrained network: a folder, s3://bucket/prefix or models:/name/version; empty for none.
        options: Further settings of train by name, such as {"steps": 100, "freeze": ["head"]}.
    """
    from cardioscar.logs import configure
    from cardioscar.stages.scar3d import train as stage

    configure(stderr=True)
    # a call, because it names a setting that is given twice
    settings = dict(method=method, seed=seed, device=device, start_from=start_from, **options)
    stage.run(sorted_groups.path, subjects, fields.path, settings)
