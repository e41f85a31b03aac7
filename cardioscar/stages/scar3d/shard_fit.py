"""Fits of a shard's subjects, taken together where the device gains by it: a subject's turn fits those behind it too.

The shard loop works on one subject after the other, and quarantine, idempotence and atomic folders rest on that. So a
look-ahead stands between them: the first subject that needs a fit is fitted together with the next ones that will, and
their results wait in memory for their turn. Where a look-ahead goes wrong, subjects are fitted alone at their turn.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from cardioscar import __version__
from cardioscar.config import config_sha256
from cardioscar.errors import PlatformError
from cardioscar.learning.memory import is_out_of_memory, memory_bytes
from cardioscar.logs import about
from cardioscar.scar3d.field.fit_config import FitConfig
from cardioscar.shard.loop import Work
from cardioscar.shard.status import Status, read_status

if TYPE_CHECKING:
    from cardioscar.scar3d.field.field_stack import Prepared
    from cardioscar.scar3d.field.fit import FitResult
    from cardioscar.scar3d.field.pretrained import PretrainedField

log = logging.getLogger(__name__)

TOGETHER = {"cuda": 32, "cpu": 1}
"""Subjects fitted together by default, for each kind of device; see docs/benchmarks/cuda.md."""


class ShardFit:
    """Fits the subjects of a shard as their turns come.

    Args:
        sorted_groups: Artifact of `group_sort`.
        subjects: Ids of the shard, in the order of their turns.
        output: Artifact folder of the fits: what is finished there is not fitted ahead.
        config: Settings.
        pretrained: Network that every fit starts from.
    """

    def __init__(
        self,
        sorted_groups: Path,
        subjects: Sequence[str],
        output: Path,
        config: FitConfig,
        pretrained: PretrainedField | None = None,
    ) -> None:
        from cardioscar.learning.device import choose_device

        self._sorted, self._subjects, self._output, self._config = sorted_groups, list(subjects), output, config
        self._pretrained = pretrained
        self._device = choose_device(config.device)
        self._limit = config.subjects_together or TOGETHER[self._device.type]
        self._alone: set[str] = set()
        self._inputs: dict[str, dict[str, str]] = {}
        self._prepared: dict[str, Prepared] = {}
        self._ready: dict[str, FitResult] = {}
        if len(self._subjects) > 1:
            with about("train", "-"):
                log.info("%s", self._how())

    def fit(self, job: Work) -> FitResult:
        """Fit the subject whose turn it is, or take the result that waits for it.

        Raises:
            InputError: If its file is no sorted groups.
            PlatformError: If the device has too little memory even for this subject alone.
        """
        self._inputs.setdefault(job.subject, dict(job.upstream_status["sorted"].outputs))
        while job.subject not in self._ready and job.subject not in self._alone and self._limit > 1:
            batch = self._next_batch(job.subject)
            if len(batch) < 2:
                break
            self._fit_together(batch)
        self._prepared.pop(job.subject, None)
        result = self._ready.pop(job.subject, None)
        # a file that was written anew since the look-ahead is not what the result is of
        if result is not None and self._inputs[job.subject] == job.upstream_status["sorted"].outputs:
            return result
        return self._fit_alone(job)

    def _how(self) -> str:
        if self._device.type == "cuda":
            import torch

            name = f"{self._device} ({torch.cuda.get_device_name(self._device)})"
        else:
            name = "the CPU" if self._config.device != "auto" else "the CPU, as there is no GPU"
        if self._limit == 1:
            return f"fits subjects one by one on {name}"
        return f"fits up to {self._limit} subjects together on {name}"

    def _next_batch(self, subject: str) -> dict[str, Prepared]:
        """The subject and those behind it that will need a fit, as many as memory and limit allow."""
        room = memory_bytes(self._device)
        batch: dict[str, Prepared] = {}
        for one in islice(self._behind(subject), self._limit):
            if one not in self._prepared:
                try:
                    # what is warned of here is about the one who is looked at, not about the one whose turn it is
                    with about("train", one):
                        self._prepared[one] = _prepare(self._sorted / one, self._config, self._pretrained)
                except Exception:
                    log.debug("not fitted ahead", exc_info=True)  # its own turn says what is wrong with it
                    self._alone.add(one)
                    if one == subject:
                        break
                    continue
            room -= self._prepared[one].memory_bytes
            if room < 0 and batch:
                break
            batch[one] = self._prepared[one]
        return batch

    def _behind(self, subject: str) -> Iterator[str]:
        """The subject whose turn it is, then those of later turns that an earlier run has not finished."""
        yield subject
        for one in self._subjects[self._subjects.index(subject) + 1 :]:
            if one not in self._ready and one not in self._alone and one != subject and self._needs_fit(one):
                yield one

    def _needs_fit(self, subject: str) -> bool:
        """A cheap guess at what the shard loop will find; a wrong one costs time, not a result."""
        upstream, earlier = read_status(self._sorted / subject), read_status(self._output / subject)
        if upstream is None or upstream.outcome != "ok":
            return False
        self._inputs.setdefault(subject, upstream.outputs)
        asked = Status(
            subject, "train", "ok", version=__version__, config_sha256=config_sha256(self._config),
            inputs={f"sorted/{file}": sha for file, sha in upstream.outputs.items()},
        )  # fmt: skip
        return earlier is None or not earlier.answers(asked)

    def _fit_together(self, batch: dict[str, Prepared]) -> None:
        import torch

        from cardioscar.scar3d.field.batched_fit import fit_fields

        clock, short_of_memory = time.perf_counter(), False
        try:
            results = fit_fields(list(batch.values()), self._config)
        except Exception as error:
            # one of them may be at fault; alone, each gets the row that it deserves
            short_of_memory = is_out_of_memory(error)
            if not short_of_memory:
                with about("train", "-"):
                    log.warning("%d subjects are fitted one by one after all: %s", len(batch), type(error).__name__)
                    log.debug("unforeseen", exc_info=True)
                self._alone |= batch.keys()
        else:
            seconds = time.perf_counter() - clock
            with about("train", "-"):
                log.info(
                    "%d subjects together on %s in %.1f s, %.2f subjects/s",
                    len(batch), self._device, seconds, len(batch) / seconds,
                )  # fmt: skip
            self._ready |= dict(zip(batch, results, strict=True))
            for one in batch:
                self._prepared.pop(one, None)
        # outside the handler: its traceback keeps the tensors of the failed computation
        if short_of_memory:
            if self._device.type == "cuda":
                torch.cuda.empty_cache()
            self._limit = len(batch) // 2
            with about("train", "-"):
                log.warning("out of memory with %d subjects together: goes on with %d", len(batch), self._limit)

    def _fit_alone(self, job: Work) -> FitResult:
        from cardioscar.scar3d.field.fit import fit_field
        from cardioscar.scar3d.observation.files import load_observations

        # a checkpoint of other data, settings, software or kind of device must not be resumed
        identity = config_sha256(
            {
                "config": config_sha256(self._config),
                "inputs": job.upstream_status["sorted"].outputs,
                "version": __version__,
                "device": self._device.type,
            }
        )
        observations = load_observations(job.upstream["sorted"])
        try:
            return fit_field(
                observations, self._config, pretrained=self._pretrained, checkpoint=job.checkpoint, identity=identity
            )
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            raise PlatformError(
                f"{job.subject}: out of memory on {self._device} with this subject alone "
                f"({len(observations.nodes_mm)} observed nodes); finished subjects are kept"
            ) from error


def _prepare(folder: Path, config: FitConfig, pretrained: PretrainedField | None = None) -> Prepared:
    from cardioscar.scar3d.field.field_stack import prepare
    from cardioscar.scar3d.observation.files import load_observations

    return prepare(load_observations(folder), config, pretrained)
