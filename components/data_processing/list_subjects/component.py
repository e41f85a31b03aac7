"""List the subjects of a cohort in shards."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("cpu"), install_kfp_package=False)
def list_subjects(
    cohort_uri: str,
    family: str,
    fingerprint: dsl.OutputPath(str),
    shard_size: int = 8,
    subjects: str = "",
    workflow: dict = {},  # noqa: B006
    fingerprint_network: str = "",
) -> list[list[str]]:
    """List the subjects of a cohort in shards of about equal cost, the unit of work of one pod.

    A run that the platform could not finish (too many pods, too many ids) is refused here, with a proposal.

    Args:
        cohort_uri: Folder or s3:// prefix of subject folders, or of a cohort.csv.
        family: Whose cohort it is, by the name of its workflow.
        fingerprint: Hash of the names and contents of the cohort's files: tasks that receive it are cached
            until a file changes.
        shard_size: Largest number of subjects that one pod handles; shards cost about the same.
        subjects: Ids of the subjects to process, separated by commas; empty for all.
        workflow: What a run and a shard take of the cluster; empty for the five stages as separate tasks.
        fingerprint_network: Address of a segmenter whose content counts in the fingerprint, too; empty for none.

    Returns:
        Shards of subject ids.
    """
    from cardioscar.logs import configure
    from cardioscar.stages import list_subjects as stage
    from cardioscar.stages.families import workflow_named

    configure(stderr=True)
    return stage.run(
        cohort_uri, shard_size, subjects, fingerprint, workflow,
        family=workflow_named(family), fingerprint_network=fingerprint_network,
    )  # fmt: skip
