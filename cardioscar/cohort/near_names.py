"""File names that are almost conventional: what they were probably meant to be, so that none is passed over in silence.

`Mesh.vtu`, `labels.nii (1).gz`, `lables.nii.gz` or `subject.yml` beside no right one would change the map without a
word: another mesh is built, another source is read, other settings hold. Files of other tools, notes and sidecars are
nobody's near miss.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from cardioscar.identity.endings import DATA, FOREIGN, OTHERS, PACKED, VERSIONS, words_of

_PUT_ASIDE = words_of("bak backup old orig original tmp temp part partial download crdownload filepart")
_KINDS = words_of("dicom dcm series slices layers layer grid grids image images file files data vtk")
"""Words that say what a file is."""

_TABLES = words_of("csv tsv xlsx xls ods txt")
_SETTINGS = words_of("yaml yml json toml ini cfg conf")


@dataclass(frozen=True)
class Meant:
    """What a name was probably meant to be.

    Attributes:
        role: Role; the name without its ending of a subject's settings, or of a manifest.
        shown: The name, with what may be anybody's free text left out.
        surely: It holds nothing but the role, endings, and what tells versions apart; else other words too.
    """

    role: str
    shown: str
    surely: bool


def meant(
    name: str,
    roles: Mapping[str, Collection[str]],
    *,
    own: str = "",
    folder: bool = False,
    no_typos: Collection[str] = (),
) -> Meant | None:
    """What a file or folder was probably meant to be; None for a hidden one and for what is clearly something else.

    Args:
        name: Its name, which is none of the conventional ones.
        roles: Endings of each role.
        own: The subject's id: it may be part of a name.
        folder: It is a folder.
        no_typos: Words of their own, one letter away from a role.

    >>> roles = {"mesh": (".vtu",), "labels": (".nii.gz",)}
    >>> [meant(name, roles).shown for name in ("Mesh.vtu", "labels.nii (1).gz", "lables.nii.gz", "Jane_mesh.vtu")]
    ['Mesh.vtu', 'labels.nii (1).gz', 'lables.nii.gz', '…_mesh.vtu']
    >>> [meant(name, roles) for name in ("README.md", "mesh.json", "notes.txt", "mask.nii.gz", ".mesh.vtu.swp")]
    [None, None, None, None, None]
    """
    if name.startswith(".") and not name.endswith(".icloud"):
        return None
    words = _words(name)
    stems = {word: role for word in words if (role := _role(word, roles, no_typos))}
    role = next(reversed(stems.values()), "")  # `lge_labels` are labels
    rest = [word for word in words if word not in stems and not word.isdigit()]
    if not role or (OTHERS & {*rest} and not (rest[-1:] == ["txt"] and DATA & {*rest})):
        return None
    ending = DATA | FOREIGN | PACKED
    if not folder and rest and not ending & {*rest}:
        return None
    known = ending | VERSIONS | _KINDS | {*_words(own)} | {"icloud"}
    return Meant(
        role, _shown(name, {*known, *stems} - {*_words(own)}), set(rest) <= known and len({*stems.values()}) == 1
    )


def meant_settings(name: str, right: str) -> Meant | None:
    """Whether a file was probably meant to be the one of a subject's settings.

    Args:
        name: Its name.
        right: The right one.

    >>> names = ("subject.yml", "Subject.yaml", "subject.json", "settings.yaml")
    >>> [bool(meant_settings(name, "subject.yaml")) for name in names]
    [True, True, True, True]
    >>> [meant_settings(name, "subject.yaml") for name in ("subject.txt", "phantom.json", "subject_mesh.vtu")]
    [None, None, None]
    """
    stem = right.partition(".")[0]
    return _meant_text(name, stem, (stem, "settings"), _SETTINGS)


def meant_manifest(name: str) -> Meant | None:
    """Whether a file was probably meant to be `cohort.csv`.

    >>> [bool(meant_manifest(name)) for name in ("cohort.CSV", "Cohort.csv", "cohort.xlsx", "cohort (1).csv")]
    [True, True, True, True]
    >>> [meant_manifest(name) for name in ("cohort.html", "cohort.txt", "participants.csv", ".~lock.cohort.csv#")]
    [None, None, None, None]
    """
    return _meant_text(name, "cohort", ("cohort",), _TABLES)


def _meant_text(name: str, role: str, stems: Collection[str], endings: Collection[str]) -> Meant | None:
    if name.startswith(".") and not name.endswith(".icloud"):
        return None
    words = _words(name)
    stem = {word for word in words if word in stems or _is_typo(word, role)}
    rest = {word for word in words if word not in stem and not word.isdigit()}
    if not stem or not rest & set(endings) - {"txt"} or not rest <= {*endings, *VERSIONS, *PACKED, "icloud"}:
        return None
    return Meant(role, _shown(name, stem | rest), surely=True)


def is_put_aside(name: str) -> bool:
    """Whether a name says that the file is an earlier or an unfinished version.

    >>> is_put_aside("mesh.vtu~"), is_put_aside("mesh_old.vtu"), is_put_aside("mesh_2.vtu")
    (True, True, False)
    """
    return name.endswith("~") or bool(_PUT_ASIDE & {*_words(name)})


def is_sidecar(name: str) -> bool:
    """Whether a file is something else about the one whose name it bears: a description, a checksum.

    >>> is_sidecar("mesh.vtu.sha256"), is_sidecar("lge.json"), is_sidecar("mesh.txt"), is_sidecar("mesh.dat")
    (True, True, True, False)
    """
    words = _words(name)
    return bool(OTHERS & {*words}) or words[-1:] == ["txt"]


def _words(text: str) -> list[str]:
    """Runs of letters and of digits, in small letters."""
    return re.findall(r"[^\W\d_]+|md5|bz2|hdf5|\d+", unicodedata.normalize("NFKC", text).lower())


def _role(word: str, roles: Mapping[str, Collection[str]], no_typos: Collection[str]) -> str:
    exact = next((role for role in roles if word.startswith(role) and word.removeprefix(role) in DATA | {""}), "")
    return exact or next((role for role in roles if word not in no_typos and _is_typo(word, role)), "")


def _is_typo(word: str, role: str) -> bool:
    """Whether a word is a role with a slip: a letter too many, too few, wrong, or two in the wrong order.

    >>> _is_typo("lables", "labels"), _is_typo("label", "labels"), _is_typo("egl", "lge")
    (True, True, False)
    """
    if word[:1] != role[:1] or word == role:
        return False
    # a wrong or a missing letter in three makes another word
    allowed = 2 if len(role) > 5 else 1
    return (len(word) > 3 or len(role) == 3 <= len(word)) and _slips(word, role) <= allowed and (
        len(role) > 3 or sorted({*word}) == sorted({*role})
    )  # fmt: skip


def _slips(one: str, two: str) -> int:
    """Restricted Damerau–Levenshtein distance."""
    rows = [list(range(len(two) + 1))]
    for i, a in enumerate(one, start=1):
        row = [i]
        for j, b in enumerate(two, start=1):
            best = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (a != b))
            if i > 1 and j > 1 and a == two[j - 2] and one[i - 2] == b:
                best = min(best, rows[-2][j - 2] + 1)
            row.append(best)
        rows.append(row)
    return rows[-1][-1]


def _shown(name: str, known: Collection[str]) -> str:
    """A name whose words are all ours, as it is; others, and long numbers, are left out."""

    def say(found: re.Match[str]) -> str:
        word = found[0]
        return word if (len(word) <= 2 if word.isdecimal() else word.lower() in known) else "…"

    plain = "".join(character if character.isprintable() else " " for character in unicodedata.normalize("NFKC", name))
    return re.sub(r"…(?:[\W_]?…)+", "…", re.sub(r"[^\W\d_]+|\d+", say, plain))
