"""A person's word on a subject's result, as tags of its runs in MLflow."""

from __future__ import annotations

from cardioscar.services.tracking.client import TrackingTarget, answering, connect
from cardioscar.services.tracking.records import TAG_SUBJECT, shortened
from cardioscar.services.tracking.registry_search import experiments_of
from cardioscar.services.tracking.runs import set_tags

TAG_SIGNED_OFF = "cs.signed_off"
TAG_SIGNOFF_NOTE = "cs.signoff_note"


def tag_signoff(target: TrackingTarget, subject: str, said: str, note: str) -> int:
    """Set the tags on the newest run of the subject in each cohort.

    Args:
        target: Server or local store.
        subject: Its id.
        said: `accepted`, `rejected`, or empty where it was taken back.
        note: Why.

    Returns:
        How many runs there were.

    Raises:
        UnreachableError: If the server does not answer.
        PlatformError: If MLflow is not installed, or the local store fails.
    """
    client = connect(target, create=False)
    with answering(target):
        count = 0
        for experiment in experiments_of(client, target):
            text = f"tags.`{TAG_SUBJECT}` = '{subject}'"
            runs = client.search_runs([experiment.experiment_id], text, order_by=["start_time DESC"], max_results=1)
            for run in runs:
                set_tags(client, run, {TAG_SIGNED_OFF: said, TAG_SIGNOFF_NOTE: shortened(note)})
                count += 1
        return count
