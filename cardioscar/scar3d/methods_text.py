"""What was done to a subject, as sentences for the methods section of a paper, from the settings that were used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SOURCES = {
    "sen2025": "Sen et al. 2025",
    "tancik2020": "Tancik et al. 2020",
    "gal2016": "Gal and Ghahramani 2016",
    "rasmussen2006": "Rasmussen and Williams 2006",
    "kyriakidis2004": "Kyriakidis 2004",
    "raya1990": "Raya and Udupa 1990",
    "amado2004": "Amado et al. 2004",
    "kim1999": "Kim et al. 1999",
    "cerqueira2002": "Cerqueira et al. 2002",
    "dechillou2002": "de Chillou et al. 2002",
}
"""How a key of `docs/references.bib` is said in a sentence."""

REFERENCES = {
    "sen2025": "Sen A, Bishop MJ, Solis-Lemus JA. CardioScar: coordinate-based Bayesian neural networks for 3D "
    "myocardial scar reconstruction from sparse LGE-CMR. 2025.",
    "tancik2020": "Tancik M, et al. Fourier features let networks learn high frequency functions in low "
    "dimensional domains. NeurIPS 2020.",
    "gal2016": "Gal Y, Ghahramani Z. Dropout as a Bayesian approximation: representing model uncertainty in "
    "deep learning. ICML 2016.",
    "rasmussen2006": "Rasmussen CE, Williams CKI. Gaussian processes for machine learning. MIT Press 2006.",
    "kyriakidis2004": "Kyriakidis PC. A geostatistical framework for area-to-point spatial interpolation. Geographical "
    "Analysis 2004;36:259–289.",
    "raya1990": "Raya SP, Udupa JK. Shape-based interpolation of multidimensional objects. IEEE Trans Med "
    "Imaging 1990;9:32–42.",
    "amado2004": "Amado LC, et al. Accurate and objective infarct sizing by contrast-enhanced magnetic resonance "
    "imaging in a canine myocardial infarction model. J Am Coll Cardiol 2004;44:2383–2389.",
    "kim1999": "Kim RJ, et al. Relationship of MRI delayed contrast enhancement to irreversible injury, infarct "
    "age, and contractile function. Circulation 1999;100:1992–2002.",
    "cerqueira2002": "Cerqueira MD, et al. Standardized myocardial segmentation and nomenclature for tomographic "
    "imaging of the heart. Circulation 2002;105:539–542.",
    "dechillou2002": "de Chillou C, et al. Isthmus characteristics of reentrant ventricular tachycardia after "
    "myocardial infarction. Circulation 2002;105:726–731.",
}
"""The works themselves, as a list of references has them."""

_SCAR_FROM = {
    "labels": "Scar was taken as drawn on the LGE slices.",
    "probability": "Scar was taken as the fraction that the given images state for each pixel.",
    "layers": "Scar was taken as the fraction that the given grid layers state for each pixel.",
    "fwhm": "Scar was found on the LGE slices at half of the maximum signal above remote myocardium [amado2004].",
    "nsd": "Scar was found on the LGE slices at {n_sd:g} standard deviations above remote myocardium [kim1999].",
}
_FOUND_BY_NETWORK = (
    "Wall and scar were found on the LGE slices by a trained network (sha256 {sha}), averaged over "
    "{views} flips and turns."
)
_WALL_BY_NETWORK = "The wall was found on the LGE slices by a trained network (sha256 {sha})."
_GROUPS = (
    "The nodes of a tetrahedral mesh of the left ventricular wall were grouped by the pixel whose prism through its "
    "slice holds them; the constraint is that the mean over a pixel's nodes is the pixel [sen2025]."
)
_FIELDS = {
    "fourier": "A coordinate network on Fourier features [tancik2020] was fitted to each heart under it.",
    "reference": "A coordinate network was fitted to each heart under it, as published [sen2025].",
}
_MAPS = {
    "posterior": "Network and interpolation between slices [raya1990] were the prior mean of a Gaussian process on "
    "what the pixels leave unexplained [rasmussen2006; kyriakidis2004]; {draws} draws of it gave the probability of "
    "scar and its uncertainty.",
    "dropout": "Probability of scar and uncertainty are mean and standard deviation of {samples} passes with dropout "
    "[gal2016].",
    "reference": "Probability of scar and uncertainty are mean and standard deviation of {samples} passes with dropout "
    "[gal2016; sen2025].",
}
_PROJECTED = {"soft": "within each pixel's own error", "hard": "to the pixel"}
_FOUND = (
    "Conducting channels are living corridors through scar with two mouths [dechillou2002]; segments are those of the "
    "American Heart Association [cerqueira2002]."
)


def methods_text(configs: Mapping[str, Mapping[str, Any]], scar_from: str, version: str) -> str:
    """Sentences that say how a map was made.

    Args:
        configs: Settings of `preprocess`, `train` and `infer`, by the stage's name, as they were recorded.
        scar_from: What a pixel said of scar, as `metrics.json` has it (`target`).
        version: Version of cardioscar.

    Returns:
        A paragraph with its sources in brackets.

    >>> configs = {"preprocess": {"n_sd": 5}, "train": {"method": "reference"}, "infer": {"uncertainty": "auto"}}
    >>> methods_text(configs, "nsd", "0.1.0")[:87]
    'Scar was found on the LGE slices at 5 standard deviations above remote myocardium (Kim '
    """
    preprocess, train, infer = (configs.get(stage, {}) for stage in ("preprocess", "train", "infer"))
    field = train.get("method", "fourier")
    kind = infer.get("uncertainty", "auto")
    if kind == "auto":
        kind = "reference" if field == "reference" else "posterior"
    samples = infer.get("samples") or (10 if kind == "reference" else 20)
    sentences = [
        *_wall_and_scar(preprocess, scar_from),
        _GROUPS,
        _FIELDS[field],
        _MAPS[kind].format(draws=infer.get("draws", 64), samples=samples),
    ]
    if kind != "reference" and (how := _PROJECTED.get(infer.get("projection", "soft"))):
        sentences.append(f"Maps were projected so that the means over the pixels' nodes come {how}.")
    sentences += [_FOUND, f"Computed with cardioscar {version}."]
    return with_sources(" ".join(sentences))


def _wall_and_scar(preprocess: Mapping[str, Any], scar_from: str) -> list[str]:
    """Where wall and scar come from: drawn, or found by a network."""
    scar = _SCAR_FROM[scar_from].format(n_sd=preprocess.get("n_sd", 5.0))
    network = str(preprocess.get("segmenter", ""))
    if not network.startswith("sha256:"):
        return [scar]
    named = {"sha": network.removeprefix("sha256:")[:12], "views": preprocess.get("segmenter_views", 8)}
    if scar_from == "labels":
        return [_FOUND_BY_NETWORK.format(**named)]
    return [_WALL_BY_NETWORK.format(**named), scar]


def references(text: str) -> list[str]:
    """The works that sentences name, in the order of their sources.

    >>> references("As published (Sen et al. 2025).")[0][:22]
    'Sen A, Bishop MJ, Soli'
    """
    return [REFERENCES[key] for key, said in SOURCES.items() if said in text]


def with_sources(text: str) -> str:
    """The text with `[key; key]` said as sources in parentheses.

    >>> with_sources("As published [sen2025; gal2016].")
    'As published (Sen et al. 2025; Gal and Ghahramani 2016).'
    """
    parts = text.split("[")
    said = [parts[0]]
    for part in parts[1:]:
        keys, _, rest = part.partition("]")
        said.append("(" + "; ".join(SOURCES[key] for key in keys.split("; ")) + ")" + rest)
    return "".join(said)
