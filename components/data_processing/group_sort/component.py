"""Sort the nodes of each subject by group."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("cpu"), install_kfp_package=False)
def group_sort(
    subjects: list[str],
    groups: dsl.Input[dsl.Dataset],
    sorted_groups: dsl.Output[dsl.Dataset],
    batch_nodes: int = 10000,
    options: dict = {},  # noqa: B006
):
    """Sort the nodes of each subject by group, in batches that never split a group.

    Args:
        subjects: Ids of the subjects of this shard.
        groups: Output of preprocess.
        sorted_groups: One folder for each subject with sorted.npz and status.json.
        batch_nodes: Number of nodes that a batch of complete groups aims at.
        options: Further settings of group_sort by name.
    """
    from cardioscar.logs import configure
    from cardioscar.stages.scar3d import group_sort as stage

    configure(stderr=True)
    settings = dict(batch_nodes=batch_nodes, **options)  # names a setting that is given twice
    stage.run(groups.path, subjects, sorted_groups.path, settings)
