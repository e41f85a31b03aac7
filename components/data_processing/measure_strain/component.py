"""Bring each subject's strain to sectors and frames."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("cpu"), install_kfp_package=False)
def measure_strain(
    cohort_uri: str,
    subjects: list[str],
    strains: dsl.Output[dsl.Dataset],
    sectors: int = 126,
    denoise: bool = False,
    label_table: str = "cardioscar",
    options: dict = {},  # noqa: B006
):
    """Bring each subject's strain, whatever it comes from, to sectors and frames.

    Args:
        cohort_uri: Folder or s3:// prefix of subject folders, or of a cohort.csv.
        subjects: Ids of the subjects of this shard.
        strains: One folder for each subject with strain.npz and status.json.
        sectors: Sectors of a slice.
        denoise: Keep only the singular values of each strain matrix that stand out of its noise.
        label_table: Convention of the labels of cines.
        options: Further settings of measure_strain by name.
    """
    from cardioscar.logs import configure
    from cardioscar.stages.activation import measure_strain as stage

    configure(stderr=True)
    settings = dict(sectors=sectors, denoise=denoise, label_table=label_table, **options)  # names one given twice
    stage.run(cohort_uri, subjects, strains.path, settings)
