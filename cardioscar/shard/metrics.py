"""What a shard has done so far, for the platform's dashboards; a gateway that fails never costs a subject."""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections import Counter
from collections.abc import Sequence

from cardioscar.errors import CardioscarError
from cardioscar.services.pushgateway import URL_VARIABLE, push_shard
from cardioscar.shard.status import Status

log = logging.getLogger(__name__)

_PUSH_EVERY_S = 15.0


class ShardMetrics:
    """Counts rows and pushes the counts to the gateway of `CARDIOSCAR_PUSHGATEWAY`; without one it does nothing.

    Args:
        stage: Name of the stage.
        subjects: Ids of the shard.
    """

    def __init__(self, stage: str, subjects: Sequence[str]) -> None:
        self._url = os.environ.get(URL_VARIABLE, "")
        self._stage, self._subjects = stage, len(subjects)
        self._shard = hashlib.sha256("\n".join(sorted(subjects)).encode()).hexdigest()[:12]
        self._outcomes = Counter(ok=0, failed=0, skipped=0, reused=0)
        self._seconds = self._mib = 0.0
        self._cuda_mib: float | None = None
        self._started = self._pushed = time.monotonic()

    def add(self, row: Status, reused: bool) -> None:
        """Count a row; push if the last time was a while ago, so that a long shard is seen to go on."""
        self._outcomes["reused" if reused else row.outcome] += 1
        if not reused:
            self._seconds = max(self._seconds, row.seconds)
            self._mib = max(self._mib, row.peak_memory_mib)
            if row.cuda_peak_memory_mib is not None:
                self._cuda_mib = max(self._cuda_mib or 0.0, row.cuda_peak_memory_mib)
        if time.monotonic() - self._pushed > _PUSH_EVERY_S:
            self.push()

    def push(self) -> None:
        """Push now; after a failure, of which one warning tells, never again."""
        if not self._url:
            return
        self._pushed = time.monotonic()
        gauges = {
            "shard_subjects": float(self._subjects),
            "shard_seconds": time.monotonic() - self._started,
            "subject_seconds_max": self._seconds,
            "peak_memory_mib": self._mib,
            "cuda_peak_memory_mib": self._cuda_mib,
        }
        try:
            push_shard(self._url, stage=self._stage, shard=self._shard, outcomes=self._outcomes, gauges=gauges)
        except CardioscarError as error:
            self._url = ""
            log.warning("metrics are not pushed: %s", error)
