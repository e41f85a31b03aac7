"""Training of the network that quantifies cines, from settings and perhaps a folder of labelled cines to a bundle."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from cardioscar.config import as_mapping, config_sha256, file_sha256
from cardioscar.errors import ConfigError, InputError, counted
from cardioscar.learning.bundle import Bundle, read_bundle, save_bundle
from cardioscar.learning.bundle_facts import BundleFacts, DataFormat
from cardioscar.learning.device import choose_device
from cardioscar.learning.loop import Losses, TrainResult, train
from cardioscar.learning.prefetch import Prefetch
from cardioscar.learning.split import Split, split_subjects
from cardioscar.lvquant.network.cine_net import ARCHITECTURE, CineNet, CineOutput, build_cine_net
from cardioscar.lvquant.network.intensity import RULE
from cardioscar.lvquant.network.spec import SIZES, CineNetSpec
from cardioscar.lvquant.sectors import DIMENSIONS, SECTORS
from cardioscar.lvquant.training.adversarial import AdversarialTerm
from cardioscar.lvquant.training.batches import VALIDATION, Batches, middle_pixel_mm, numbered_example
from cardioscar.lvquant.training.config import TASK_NAMES, TrainConfig
from cardioscar.lvquant.training.example import Example, batch
from cardioscar.lvquant.training.figures import validated
from cardioscar.lvquant.training.framing import framed
from cardioscar.lvquant.training.labelled import LabelledSlice, find_labelled, read_labelled
from cardioscar.lvquant.training.loss import CineLoss, CineTargets
from cardioscar.lvquant.training.pool import DrawnSlices, PoolLosses, segmented_pool

log = logging.getLogger(__name__)

STAYS = TASK_NAMES[0]
"""The task that is not learned where the segmentation stays."""
OnStep = Callable[[int, int], None]
"""Told the steps done and their upper limit."""


@dataclass(frozen=True)
class TrainedQuantifier:
    """A training and the bundle that it made.

    Attributes:
        result: The network with its loss, curves, and why it ended.
        bundle: What was written: the network alone.
        split: Labelled subjects by what they were for; None where all was synthetic.
        judged: What decided which weights are kept.
    """

    result: TrainResult[Learning]
    bundle: Bundle
    split: Split | None
    judged: Sequence[Sequence[Example]] = ()


class Learning(nn.Module):
    """The network and the loss, whose weights of the tasks are learned with it.

    Args:
        network: The network.
        loss: Its loss.
        adversarial: A discriminator that learns beside it; None without.
    """

    def __init__(self, network: CineNet, loss: CineLoss, adversarial: AdversarialTerm | None = None) -> None:
        super().__init__()
        self.network, self.loss, self.adversarial = network, loss, adversarial

    def cost(self, output: CineOutput, targets: CineTargets) -> Tensor:
        """What a batch costs."""
        cost = self.loss(output, targets)
        return cost if self.adversarial is None else cost + self.adversarial(output, targets)


def train_quantifier(
    output: Path,
    config: TrainConfig,
    *,
    labelled: Path | None = None,
    split: Split | None = None,
    start: Path | None = None,
    checkpoint: Path | None = None,
    keep_checkpoint: bool = False,
    on_step: OnStep | None = None,
) -> TrainedQuantifier:
    """Train a network and write its bundle.

    Args:
        output: Folder of the bundle; new, or that of an earlier one.
        config: Settings.
        labelled: Folder of labelled cines, see `training.labelled`; None for synthetic slices alone.
        split: Which of its subjects are for what; default by `config.validation` and the seed.
        start: Bundle whose weights the training starts from; None starts at random.
        checkpoint: File that a killed training resumes from; it is taken away at the end.
        keep_checkpoint: Leave it to the caller, who has more to do with the network.
        on_step: Told the steps done.

    Raises:
        ConfigError: If the device is not there, or the segmentation is to stay and there is none to start from.
        InputError: If files cannot be read, the network to start from is of another kind or size, or the training does
            not stay finite.
    """
    if config.pool and labelled is not None:
        raise ConfigError("pool", "0 where labelled cines are given", str(config.pool))
    if config.frozen and start is None:
        raise ConfigError("frozen", "a network to start from", "none")
    split, learned, judging = _labelled(labelled, config, split)
    spec = SIZES[config.size]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        network = CineNet(spec)
        adversarial = AdversarialTerm(config.adversarial) if config.adversarial else None
    started = "" if start is None else _start(network, start)
    network.segmenter.requires_grad_(not config.frozen)
    weights = {task: float(task in config.learned and not (config.frozen and task == STAYS)) for task in TASK_NAMES}
    learning = Learning(network, CineLoss(weights, learned=config.learned_weights), adversarial)
    device = choose_device(config.loop.device)
    watching = judging or _synthetic_judges(config)
    batches = Batches(
        config.synthetic,
        config.batch,
        config.seed,
        views=config.views,
        subjects=learned,
        synthetic_share=config.synthetic_share if learned else 1.0,
        beyond_share=config.beyond_share,
        augment=config.augment,
    )
    identity = config_sha256(
        {
            "config": config_sha256(config),
            "split": split.sha256 if split else "",
            "labelled": file_sha256(labelled) if labelled else "",
            "start": started,
        }
    )
    with contextlib.ExitStack() as open_until:
        losses = _losses(learning, batches, config, device, open_until)
        result = train(
            learning,
            losses,
            config.loop,
            validate=lambda: validated(network, watching, device, config.learned),
            units=network.over_beat if config.frozen else network.segmenter,
            checkpoint=checkpoint,
            identity=identity,
            on_step=on_step,
        ).checked()
    bundle = save_bundle(output, result.network.network, _facts(config, spec, result, split, started))
    if checkpoint is not None and not keep_checkpoint:
        checkpoint.unlink(missing_ok=True)
    log.info("%s after %d steps, best at %d", result.stop_reason, result.steps, result.best_step)
    return TrainedQuantifier(result, bundle, split, watching)


class _Losses:
    """The loss of each step: batches by their number, so that it has no memory."""

    def __init__(
        self, learning: Learning, coming: Prefetch[list[Example]], device: torch.device, accumulate: int
    ) -> None:
        self._learning, self._coming, self._device, self._accumulate = learning, coming, device, accumulate

    def __call__(self, step: int, _: torch.Generator) -> Iterator[Tensor]:
        for part in range(self._accumulate):
            images, pixels, targets = batch(self._coming(step * self._accumulate + part))
            there = CineTargets(**{name: one.to(self._device) for name, one in vars(targets).items()})
            output = self._learning.network(images.to(self._device), pixels.to(self._device))
            yield self._learning.cost(output, there) / self._accumulate


def _losses(
    learning: Learning, batches: Batches, config: TrainConfig, device: torch.device, open_until: contextlib.ExitStack
) -> Losses:
    """What each step minimises; processes that make batches live as long as the stack is open."""
    if not config.pool:
        coming = open_until.enter_context(Prefetch(batches, workers=config.workers))
        return _Losses(learning, coming, device, config.accumulate)
    network = learning.network.to(device)
    with Prefetch(DrawnSlices(config.synthetic, config.seed), workers=config.workers) as drawn:
        pool = segmented_pool(drawn, config.pool, network, device)
    log.info("%s drawn and segmented", counted(config.pool, "slice"))
    return PoolLosses(
        network,
        learning.cost,
        pool,
        batch=config.batch,
        accumulate=config.accumulate,
        seed=config.seed,
        views=config.views,
        device=device,
    )


def _labelled(
    folder: Path | None, config: TrainConfig, split: Split | None
) -> tuple[Split | None, tuple[tuple[LabelledSlice, ...], ...], list[list[Example]]]:
    """Split, slices of the subjects to learn from, and examples of those that judge."""
    if folder is None:
        return None, (), []
    found = {one.subject: one for one in find_labelled(folder)}
    if len(found) < 2:
        raise InputError("labelled folder", "at least two subjects: one to learn from, one to judge", str(len(found)))
    if split is None:
        split = split_subjects(list(found), validation=config.validation, test=0.0, seed=config.seed)
    absent = len({*split.train, *split.validation} - found.keys())
    if absent:
        raise InputError("split", "subjects of the labelled folder", counted(absent, "other"))
    if not split.validation:
        raise InputError("validation", "a share that leaves a subject to judge", f"{config.validation:g}")
    log.info("%s to learn from, %d to judge", counted(len(split.train), "subject"), len(split.validation))
    spoken = {name: f"labelled subject {number}" for number, name in enumerate(found, start=1)}

    def read(name: str) -> tuple[LabelledSlice, ...]:
        return read_labelled(found[name], table=config.table, spoken=spoken[name])

    learned = tuple(read(name) for name in split.train)
    judging = [_straight(read(name), config) for name in split.validation]
    return split, learned, judging


def _straight(slices: tuple[LabelledSlice, ...], config: TrainConfig) -> list[Example]:
    """All slices of a subject around the heart, in the middle of the sizes that the network meets."""
    grid = config.synthetic
    pixel_mm = middle_pixel_mm(grid)
    return [
        framed(one.example, one.center, pixels=grid.pixels, pixel_mm=pixel_mm, frames=grid.frames) for one in slices
    ]


def _synthetic_judges(config: TrainConfig) -> list[list[Example]]:
    examples = [
        numbered_example(VALIDATION, config.seed, number, config.synthetic)
        for number in range(config.validation_slices)
    ]
    return [examples[first : first + config.batch] for first in range(0, len(examples), config.batch)]


def _start(network: CineNet, folder: Path) -> str:
    """Give a network the weights of a stored one, and return the hash that names that."""
    bundle = read_bundle(folder)
    stored = bundle.network(ARCHITECTURE, build_cine_net)
    if stored.spec == network.spec:
        network.load_state_dict(stored.state_dict())
    elif _segments_alike(stored.spec, network.spec):
        network.segmenter.load_state_dict(stored.segmenter.state_dict())
        log.info("the segmentation alone is taken from the network to start from: its heads are of another form")
    else:
        raise InputError(bundle.stored.in_description, "a network of the size that is trained", "another size")
    return bundle.sha256


def _segments_alike(one: CineNetSpec, other: CineNetSpec) -> bool:
    return (one.features, one.supervised) == (other.features, other.supervised)


def _facts(
    config: TrainConfig, spec: CineNetSpec, result: TrainResult[Learning], split: Split | None, started: str
) -> BundleFacts:
    def series(*names: str) -> DataFormat:
        return DataFormat(
            "curve", {str(n): one for n, one in enumerate(names)}, num_channels=len(names), type="series",
            modality="cine", spatial_shape=("*",),
        )  # fmt: skip

    classes = {"0": "background", "1": "wall", "2": "cavity"}
    best = dict(result.curves.validation)[result.best_step]
    return BundleFacts(
        name=f"lvquant-{ARCHITECTURE.replace('_', '-')}-{config.size}",
        task="Finds wall and cavity of the left ventricle in a short-axis cine slice, eleven indices and phase.",
        architecture=ARCHITECTURE,
        spec=asdict(spec),
        inputs={
            "image": DataFormat("magnitude", {"0": "slice"}, modality="cine", spatial_shape=("*", "*", "*")),
        },
        outputs={
            "scores": DataFormat("probabilities", classes, num_channels=3, spatial_shape=("*", "*", "*")),
            "areas_mm2": series("cavity", "myocardium"),
            "dimensions_mm": series(*DIMENSIONS),
            "thickness_mm": series(*SECTORS),
            "systole": series("systole"),
        },
        intensity=RULE,
        config=as_mapping(config),
        spacing_mm=(middle_pixel_mm(config.synthetic),) * 2,
        split_sha256=split.sha256 if split else "",
        eval_metrics=dict(best),
        data_source=("synthetic cines" if split is None else "labelled cines and synthetic cines")
        + (f"; started from the network {started[:12]}" if started else ""),
        references=("vesal2020",),
    )
