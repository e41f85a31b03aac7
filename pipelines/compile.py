"""Compile the pipelines for the Kubeflow UI: `python -m pipelines.compile [--output FOLDER] [--check]`."""

import argparse
import dataclasses
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kfp import compiler

from pipelines.argo_size import ArgoSize
from pipelines.detect_late_activation.pipeline import detect_late_activation
from pipelines.groups import grouped
from pipelines.ir import IR
from pipelines.lints import lint
from pipelines.placing import LITERALS, NETWORK_SIZES
from pipelines.plan_cohort.pipeline import plan_cohort
from pipelines.quantify_cohort.pipeline import quantify_cohort
from pipelines.reconstruct_cohort.pipeline import reconstruct_cohort
from pipelines.reconstruct_cohort_fused.pipeline import reconstruct_cohort_fused
from pipelines.segment_cohort.pipeline import segment_cohort
from pipelines.shorten import shorten
from pipelines.summarize_cohort.pipeline import summarize_cohort
from pipelines.train_activation.pipeline import train_activation
from pipelines.train_lge.pipeline import train_lge
from pipelines.train_lvquant.pipeline import train_lvquant

PIPELINES: Mapping[str, tuple[Any, Mapping[str, Sequence[str]]]] = {
    "detect_late_activation": (detect_late_activation, {"label_table": LITERALS["label_table"]}),
    "quantify_cohort": (
        quantify_cohort,
        {name: LITERALS[name] for name in ("label_table", "device", "accelerator_limit")},
    ),
    "plan_cohort": (
        plan_cohort,
        {name: LITERALS[name] for name in ("target", "label_table", "device", "accelerator_limit")}
        | {"surface": ["epicardium", "endocardium", "wall"]},
    ),
    "reconstruct_cohort": (reconstruct_cohort, LITERALS),
    "reconstruct_cohort_fused": (reconstruct_cohort_fused, LITERALS),
    "segment_cohort": (
        segment_cohort,
        {name: LITERALS[name] for name in ("label_table", "device", "accelerator_limit")},
    ),
    "summarize_cohort": (summarize_cohort, {}),
    "train_activation": (train_activation, {"accelerator_limit": LITERALS["accelerator_limit"]}),
    "train_lge": (
        train_lge,
        {
            "architecture": ["residual_encoder", "unet", "scar_net"],
            "size": NETWORK_SIZES,
            "accelerator_limit": LITERALS["accelerator_limit"],
        },
    ),
    "train_lvquant": (
        train_lvquant,
        {"size": NETWORK_SIZES, "accelerator_limit": LITERALS["accelerator_limit"]},
    ),
}
"""Each pipeline, as kfp made it, with the choices of its parameters."""

SIZES: Mapping[str, ArgoSize] = {
    "plan_cohort": ArgoSize(6, 10, 23, 34, run_bytes=120_500, shard_bytes=26_600, id_bytes=2.5),
    "detect_late_activation": ArgoSize(6, 6, 23, 22, run_bytes=87_500, shard_bytes=9_650, id_bytes=1.5),
    "quantify_cohort": ArgoSize(6, 4, 23, 16, run_bytes=90_000, shard_bytes=6_700, id_bytes=1.2),
    "reconstruct_cohort": ArgoSize(6, 12, 23, 40, run_bytes=126_000, shard_bytes=34_000, id_bytes=4.8),
    "reconstruct_cohort_fused": ArgoSize(6, 4, 23, 16, run_bytes=113_500, shard_bytes=11_300, id_bytes=1.2),
    "segment_cohort": ArgoSize(6, 4, 23, 16, run_bytes=90_000, shard_bytes=7_000, id_bytes=1.2),
}
"""What a run of each pipeline with shards takes of the cluster, a little more than `argo_size` says: tests compare the
two. Kept as numbers, because what compressed texts take depends on the machine that compiles."""

_ROOT = Path(__file__).resolve().parents[1]
GOLDEN = _ROOT / "tests" / "pipelines" / "golden"
CHART = _ROOT / "charts" / "cardioscar" / "files" / "pipelines"
"""Where the Helm chart takes the pipelines from that it registers."""


def compile_pipeline(name: str) -> IR:
    """Compile a pipeline and add the choices that the SDK cannot express.

    Args:
        name: Key of `PIPELINES`.

    Returns:
        Its intermediate representation.

    Raises:
        KeyError: If a choice is given for a parameter that the pipeline does not have.
    """
    function, literals = PIPELINES[name]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pipeline.yaml"
        compiler.Compiler().compile(function, str(path))
        ir = IR.parse(path.read_text(encoding="utf-8"))
    for parameter, choices in literals.items():
        ir.pipeline["root"]["inputDefinitions"]["parameters"][parameter]["literals"] = list(choices)
    for parameter, spec in ir.parameters("root").items():
        if spec.get("description"):  # where there is none, `lint` says so
            spec["description"] = grouped(parameter, spec["description"], required=not spec.get("isOptional"))
    shorten(ir)
    if name in SIZES:  # the first task refuses a run that could not finish
        listing = ir.pipeline["root"]["dag"]["tasks"]["list-subjects"]
        constant = dataclasses.asdict(SIZES[name])
        listing["inputs"]["parameters"]["workflow"] = {"runtimeValue": {"constant": constant}}
    return ir


def main(arguments: Sequence[str] | None = None) -> int:
    """Compile every pipeline, lint it, and write it or compare it with what was written before.

    Returns:
        0 if all is well, 1 if a rule is broken or, with `--check`, a file is not current.
    """
    parser = argparse.ArgumentParser(prog="python -m pipelines.compile", description=__doc__)
    parser.add_argument(
        "--output", type=Path, help="folder of the compiled YAML (default: the golden files and the chart's)"
    )
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a file is not current")
    options = parser.parse_args(arguments)

    faults = []
    for name in PIPELINES:
        ir = compile_pipeline(name)
        findings = [f"{name}: {finding}" for finding in lint(ir)]
        faults += findings
        text = ir.dump(header=f"# {name}, compiled by `python -m pipelines.compile`\n")
        for folder in [options.output] if options.output else [GOLDEN, CHART]:
            path = folder / f"{name}.yaml"
            if not options.check and not findings:
                folder.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
                sys.stdout.write(f"{path.relative_to(_ROOT) if path.is_relative_to(_ROOT) else path}\n")
            elif options.check and (not path.is_file() or path.read_text(encoding="utf-8") != text):
                faults.append(f"{path.parent.name}/{path.name}: is not current; run python -m pipelines.compile")
    for fault in faults:
        sys.stderr.write(fault + "\n")
    if options.check and not faults:
        sys.stdout.write(f"{len(PIPELINES)} pipelines are current\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
