"""Training of a segmenter, from settings and perhaps a folder of labelled images to a bundle."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import nn

from cardioscar.config import as_mapping, config_sha256, file_sha256
from cardioscar.errors import InputError, counted
from cardioscar.learning.bundle import Bundle, read_bundle, save_bundle
from cardioscar.learning.bundle_facts import BundleFacts, DataFormat
from cardioscar.learning.device import choose_device
from cardioscar.learning.loop import TrainResult, train
from cardioscar.learning.prefetch import Prefetch
from cardioscar.learning.split import Split, split_subjects
from cardioscar.lge.intensity import RULE
from cardioscar.lge.network.build import network_of
from cardioscar.lge.network.freeze import freeze
from cardioscar.lge.network.medsam import load_image_encoder
from cardioscar.lge.network.scar_net import ScarNet
from cardioscar.lge.network.specs import Spec, named_spec
from cardioscar.lge.training.batches import VALIDATION, Batches, synthetic_example
from cardioscar.lge.training.config import TrainConfig
from cardioscar.lge.training.crop import cut, middle_of
from cardioscar.lge.training.example import Batch, as_batch
from cardioscar.lge.training.figures import validated
from cardioscar.lge.training.labelled import LabelledStack, find_labelled, read_labelled
from cardioscar.lge.training.loss import SegmentationLoss
from cardioscar.lge.training.steps import OtherBatches, StepLosses

log = logging.getLogger(__name__)

OnStep = Callable[[int, int], None]
"""Told the steps done and their upper limit."""


@dataclass(frozen=True)
class TrainedSegmenter:
    """A training and the bundle that it made.

    Attributes:
        result: Network, curves, and why it ended.
        bundle: What was written.
        split: Real subjects by what they were for; None where all was synthetic.
        judged: What decided which weights are kept.
    """

    result: TrainResult[nn.Module]
    bundle: Bundle
    split: Split | None
    judged: Sequence[Batch] = ()


def train_segmenter(
    output: Path,
    config: TrainConfig,
    *,
    labelled: Path | None = None,
    published: Path | None = None,
    start: Path | None = None,
    batches: OtherBatches | None = None,
    checkpoint: Path | None = None,
    keep_checkpoint: bool = False,
    on_step: OnStep | None = None,
) -> TrainedSegmenter:
    """Train a network and write its bundle.

    Args:
        output: Folder of the bundle; new, or that of an earlier one.
        config: Settings.
        labelled: Folder of real images with labels, see `training.labelled`; None for synthetic slices alone.
        published: Weights of SAM's image encoder to start ScarNet's from; None starts at random.
        start: Bundle whose weights the training starts from; None starts at random. That of a network of one slice
            starts one that sees its neighbours too.
        batches: What is learned from, in place of what the settings and `labelled` say; of `config.batch` slices each.
        checkpoint: File that a killed training resumes from; it is taken away at the end.
        keep_checkpoint: Leave it to the caller, who has more to do with the network.
        on_step: Told the steps done.

    Raises:
        ConfigError: If a library is not installed, or a part to freeze is not there.
        InputError: If files cannot be read, the network to start from is of another kind or size, or the training does
            not stay finite.
    """
    split, learned, judging = _real(labelled, config)
    spec = named_spec(
        config.architecture, config.size, inputs=3 if config.neighbours else 1, pixels=config.synthetic.pixels
    )
    network = _network(spec, config, published)
    started = "" if start is None else _started(network, spec, read_bundle(start), config.architecture)
    # a sixth less time on a CPU
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    device = choose_device(config.loop.device)
    loss = SegmentationLoss(config.loss)
    watching = judging or _synthetic_judges(config)
    made = batches or Batches(
        config.synthetic,
        config.batch,
        config.seed,
        neighbours=config.neighbours,
        stacks=learned,
        synthetic_share=config.synthetic_share if learned else 1.0,
        augment=config.augment,
        shown=config.shown,
    )
    identity = config_sha256(
        {
            "config": config_sha256(config),
            "split": split.sha256 if split else "",
            "labelled": file_sha256(labelled) if labelled else "",
            "published": file_sha256(published) if published else "",
            "start": started,
            **({"batches": batches.sha256} if batches else {}),
        }
    )
    with Prefetch(made, workers=config.workers) as coming:
        result = train(
            network,
            StepLosses(network, coming, loss, device, accumulate=config.accumulate, side=config.side),
            config.loop,
            validate=lambda: validated(network, watching, loss, device),
            checkpoint=checkpoint,
            identity=identity,
            on_step=on_step,
        ).checked()
    result.network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    bundle = save_bundle(output, result.network, _facts(config, spec, result, split, started))
    if checkpoint is not None and not keep_checkpoint:
        checkpoint.unlink(missing_ok=True)
    log.info("%s after %d steps, best at %d", result.stop_reason, result.steps, result.best_step)
    return TrainedSegmenter(result, bundle, split, watching)


def _network(spec: Spec, config: TrainConfig, published: Path | None) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        network = network_of(spec)
    if published is not None:
        if not isinstance(network, ScarNet):
            raise InputError("published", "scar_net, which has an image encoder", config.architecture)
        load_image_encoder(network.encoder, published)
    freeze(network, config.frozen)
    return network


def _started(network: nn.Module, spec: Spec, start: Bundle, architecture: str) -> str:
    """Fill a network from a bundle, and say its hash; to a network of one slice its neighbours are nothing at first."""
    if spec.inputs == 1 or start.facts.spec.get("inputs") != 1:
        return start.start(network, architecture, asdict(spec))
    spec = replace(spec, inputs=1)
    single = network_of(spec)
    started = start.start(single, architecture, asdict(spec))
    weights = network.state_dict()
    for name, weight in single.state_dict().items():
        if weight.shape == weights[name].shape:
            weights[name] = weight
        else:
            weights[name] = torch.zeros_like(weights[name])
            weights[name][:, weights[name].shape[1] // 2] = weight[:, 0]
    network.load_state_dict(weights)
    return started


def _real(folder: Path | None, config: TrainConfig) -> tuple[Split | None, tuple[LabelledStack, ...], list[Batch]]:
    """Split, subjects to learn from, and slices of those that judge."""
    if folder is None:
        return None, (), []
    found = {one.subject: one for one in find_labelled(folder)}
    if len(found) < 2:
        raise InputError("labelled folder", "at least two subjects: one to learn from, one to judge", str(len(found)))
    split = split_subjects(list(found), validation=config.validation, test=0.0, seed=config.seed)
    if not split.validation:
        raise InputError("validation", "a share that leaves a subject to judge", f"{config.validation:g}")
    stacks = {
        name: read_labelled(
            one,
            table=config.table,
            trust=config.trust,
            png_pixel_mm=config.png_pixel_mm,
            spoken=f"labelled subject {number}",
        )
        for number, (name, one) in enumerate(found.items(), start=1)
    }
    log.info("%s to learn from, %d to judge", counted(len(split.train), "subject"), len(split.validation))
    return split, tuple(stacks[name] for name in split.train), [_slices(stacks[s], config) for s in split.validation]


def _slices(stack: LabelledStack, config: TrainConfig) -> Batch:
    """All slices of a subject, straight, around the heart."""
    pieces = [
        cut(
            stack,
            k,
            pixels=config.synthetic.pixels,
            pixel_mm=_pixel_mm(config),
            center=middle_of(stack, k),
            neighbours=config.neighbours,
        )
        for k in range(stack.image.shape[2])
    ]
    return as_batch(pieces)


def _synthetic_judges(config: TrainConfig) -> list[Batch]:
    examples = [
        synthetic_example(VALIDATION, config.seed, number, config.synthetic, neighbours=config.neighbours)
        for number in range(config.validation_slices)
    ]
    return [as_batch(examples[first : first + config.batch]) for first in range(0, len(examples), config.batch)]


def _pixel_mm(config: TrainConfig) -> float:
    """Pixel size at which the network is applied: the middle of those that it has met."""
    return round(math.sqrt(math.prod(config.synthetic.pixel_mm)), 3)


def _facts(
    config: TrainConfig, spec: Spec, result: TrainResult[nn.Module], split: Split | None, started: str
) -> BundleFacts:
    channels = ("slice before", "slice", "slice after") if config.neighbours else ("slice",)
    classes = ("background", "wall", "cavity", "scar")
    figures = dict(result.curves.validation[-1][1])
    best = [measured for step, measured in result.curves.validation if step == result.best_step]
    return BundleFacts(
        name=f"lge-{config.architecture.replace('_', '-')}-{config.size}",
        task="Finds wall, cavity and scar of the left ventricle in a short-axis slice of late enhancement.",
        architecture=config.architecture,
        spec=asdict(spec),
        inputs={
            "image": DataFormat(
                "magnitude", {str(n): one for n, one in enumerate(channels)}, num_channels=len(channels), modality="LGE"
            )
        },
        outputs={
            "scores": DataFormat(
                "probabilities", {str(n): one for n, one in enumerate(classes)}, num_channels=len(classes)
            )
        },
        intensity=RULE,
        config=as_mapping(config),
        spacing_mm=(_pixel_mm(config),) * 2,
        split_sha256=split.sha256 if split else "",
        eval_metrics=dict(best[0]) if best else figures,
        data_source=("synthetic slices" if split is None else "labelled images and synthetic slices")
        + (f"; started from the network {started[:12]}" if started else ""),
        references=("tavakoli2025",) if config.architecture == "scar_net" else (),
    )
