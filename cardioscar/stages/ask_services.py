"""Object store and tracking server are asked once, at the start: no fault of theirs may show after hours of fits."""

from __future__ import annotations

from cardioscar.results.opening import read_results
from cardioscar.services.tracking.model_kind import ModelKind
from cardioscar.stages.recording import Recording


def ask_services(recording: Recording, kind: ModelKind | None) -> None:
    """Find out whether results can be published, and subjects recorded; a place on this machine shows it by itself.

    Args:
        recording: Where they are to go.
        kind: What MLflow calls the subjects; None where none is recorded.

    Raises:
        ConfigError: If the object store refuses these credentials, has no such bucket, or takes no object there.
        UnreachableError: If the store or the server does not answer, or the server refuses the user.
        PlatformError: If the store takes no more data, or MLflow is not installed.
        InputError: If the experiment was deleted in MLflow.
    """
    if recording.results:
        read_results(recording.results).ask()
    if recording.tracking_uri:
        from cardioscar.services.tracking.recording import ask_server

        ask_server(recording.target, kind)
