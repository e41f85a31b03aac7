"""Object store and tracking server are asked once, at the start: no fault of theirs may show after hours of fits."""

from __future__ import annotations

from pathlib import Path

from cardioscar.results.opening import open_results
from cardioscar.shard.own_files import OwnFiles


def ask_services(results_uri: str | Path = "", tracking_uri: str = "", experiment: str = "") -> None:
    """Find out whether results can be published, and subjects recorded; a place on this machine shows it by itself.

    Args:
        results_uri: Folder or `s3://` prefix of published results; empty for none.
        tracking_uri: MLflow server or local store; empty for none.
        experiment: Name of the cohort's experiment.

    Raises:
        ConfigError: If the object store refuses these credentials, has no such bucket, or takes no object there.
        UnreachableError: If the store or the server does not answer, or the server refuses the user.
        PlatformError: If the store takes no more data, or MLflow is not installed.
        InputError: If the experiment was deleted in MLflow.
    """
    if results_uri:
        open_results(results_uri, OwnFiles()).ask()  # whatever lies there is left alone
    if tracking_uri:
        from cardioscar.services.tracking.client import TrackingTarget
        from cardioscar.services.tracking.recording import ask_server

        ask_server(TrackingTarget(tracking_uri, experiment))
