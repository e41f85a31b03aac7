"""List the subjects of a cohort in shards."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("cpu"), install_kfp_package=False)
def list_subjects(
    cohort_uri: str,
    fingerprint: dsl.OutputPath(str),
    shard_size: int = 8,
    subjects: str = "",
) -> list[list[str]]:
    """List the subjects of a cohort in shards, the unit of work of one pod.

    A run that the platform could not finish (too many pods, too many ids) is refused here, with a proposal.

    Args:
        cohort_uri: Folder of subject folders, or of a cohort.csv.
        fingerprint: Hash of the names and contents of the cohort's files: tasks that receive it are cached
            until a file changes.
        shard_size: Number of subjects that one pod handles.
        subjects: Ids of the subjects to process, separated by commas; empty for all.

    Returns:
        Shards of subject ids.
    """
    from pathlib import Path

    from cardioscar.stages import list_subjects as stage
    from cardioscar.stages.fingerprint import cohort_fingerprint
    from cardioscar.stages.logs import configure

    configure(stderr=True)
    shards = stage.run(cohort_uri, shard_size, subjects)
    Path(fingerprint).write_text(cohort_fingerprint(cohort_uri), encoding="utf-8")
    return shards
