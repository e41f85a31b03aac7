"""Evaluate the scar field of each subject at every mesh node."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("cpu"), install_kfp_package=False)
def infer(
    subjects: list[str],
    groups: dsl.Input[dsl.Dataset],
    sorted_groups: dsl.Input[dsl.Dataset],
    fields: dsl.Input[dsl.Model],
    scars: dsl.Output[dsl.Dataset],
    samples: int = 0,
    projection: str = "soft",
    threshold: float = 0.5,
    write_nifti: bool = False,
    write_opencarp: bool = False,
    seed: int = 0,
    options: dict = {},  # noqa: B006
):
    """Evaluate the scar field of each subject at every mesh node, with its uncertainty.

    Args:
        subjects: Ids of the subjects of this shard.
        groups: Output of preprocess.
        sorted_groups: Output of group_sort.
        fields: Output of train.
        scars: One folder for each subject with scar.vtu and status.json.
        samples: Monte Carlo dropout samples whose mean enters the map; 0 takes 20, and 10 for the reference.
        projection: How strictly the result obeys the pixels: soft, hard or none.
        threshold: Probability from which a node counts as scar, 0 to 1.
        write_nifti: Write the scar probability as a NIfTI volume as well.
        write_opencarp: Write openCARP element tags as well.
        seed: Seed of every random draw.
        options: Further settings of infer by name, such as {"draws": 128, "learned": false}.
    """
    from cardioscar.logs import configure
    from cardioscar.stages.scar3d import infer as stage

    configure(stderr=True)
    settings = dict(
        samples=samples,
        projection=projection,
        threshold=threshold,
        write_nifti=write_nifti,
        write_opencarp=write_opencarp,
        seed=seed,
        **options,
    )  # names a setting that is given twice
    stage.run(groups.path, sorted_groups.path, fields.path, subjects, scars.path, settings)
