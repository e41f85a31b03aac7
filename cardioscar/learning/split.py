"""Which subjects a network learns from, which decide when it stops, and which judge it: none does two of these."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cardioscar.config import config_sha256
from cardioscar.errors import InputError, counted

PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Split:
    """Subjects by what they are for.

    Attributes:
        train: Ids to learn from, in order of the ids.
        validation: Ids that decide which weights are kept.
        test: Ids that nothing was decided by.

    Raises:
        InputError: If a subject is in two parts or twice in one, or there is none to learn from.

    >>> Split(("P1", "P2"), ("P3",)).part_of("P3")
    'validation'
    >>> Split(("P1",), test=("P1",))
    Traceback (most recent call last):
    cardioscar.errors.InputError: split: expected each subject in one part, found 1 in several
    """

    train: tuple[str, ...]
    validation: tuple[str, ...] = ()
    test: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        everyone = [*self.train, *self.validation, *self.test]
        _once(everyone, "each subject in one part")
        if not self.train:
            raise InputError("split", "at least one subject to learn from", "none")
        for part in PARTS:
            object.__setattr__(self, part, tuple(sorted(getattr(self, part))))

    @property
    def sha256(self) -> str:
        """Hash by which bundle and run know the split: the same for the same subjects in the same parts."""
        return config_sha256({part: list(getattr(self, part)) for part in PARTS})

    @property
    def counts(self) -> dict[str, int]:
        """Number of subjects of each part."""
        return {part: len(getattr(self, part)) for part in PARTS}

    def part_of(self, subject: str) -> str:
        """The part of a subject, so that all of its images go there.

        Raises:
            InputError: If it is in none.
        """
        for part in PARTS:
            if subject in getattr(self, part):
                return part
        raise InputError("split", "a subject of the split", "another")


def split_subjects(
    subjects: Iterable[str],
    *,
    validation: float = 0.15,
    test: float = 0.15,
    seed: int = 0,
    labels: Mapping[str, str] | None = None,
) -> Split:
    """Split subjects by shares.

    A subject's place comes from a hash of its id and the seed: the order in which the ids are given plays no part.

    Args:
        subjects: Ids.
        validation: Share that decides which weights are kept, 0 to below 1.
        test: Share that judges the network; what both leave is learned from.
        seed: Another seed, another split.
        labels: A label of each subject (centre, infarct or not, …); each label is split by the same shares.

    Raises:
        InputError: If an id comes twice or lacks a label, the shares leave nothing to learn from, or there are too few
            subjects to give each part one.

    >>> split_subjects([f"P{n}" for n in range(20)], validation=0.2, test=0.1).counts
    {'train': 14, 'validation': 4, 'test': 2}
    """
    shares = (1 - validation - test, validation, test)
    if min(validation, test) < 0 or shares[0] <= 1e-9:
        raise InputError("split", "shares of at least 0 that leave some to learn from", f"{validation:g} and {test:g}")
    parts: tuple[list[str], ...] = ([], [], [])
    for number, subject in enumerate(_drawn(subjects, seed, labels), start=1):
        # whatever is furthest behind its share: at no point is a part more than one subject away from it
        behind = [share * number - len(part) for share, part in zip(shares, parts, strict=True)]
        parts[behind.index(max(behind))].append(subject)
    short = [name for name, share, part in zip(PARTS, shares, parts, strict=True) if share > 0 and not part]
    if short:
        total = counted(sum(map(len, parts)), "subject")
        raise InputError("split", f"enough subjects to give {' and '.join(short)} one", total)
    return Split(*map(tuple, parts))


def k_folds(
    subjects: Iterable[str],
    folds: int = 5,
    *,
    seed: int = 0,
    labels: Mapping[str, str] | None = None,
    validation: bool = False,
) -> list[Split]:
    """Splits of a cross-validation: each subject is tested once, in the fold that its id and the seed say.

    Args:
        subjects: Ids.
        folds: Number of folds, at least 2, or 3 with a validation.
        seed: Another seed, other folds.
        labels: A label of each subject; each fold has its share of each.
        validation: Let the fold after the one that is tested decide which weights are kept; else all others are learned
            from.

    Raises:
        InputError: If an id comes twice or lacks a label, or there are fewer subjects than folds.

    >>> splits = k_folds(["P1", "P2", "P3", "P4"], 2)
    >>> sorted(splits[0].test + splits[1].test)
    ['P1', 'P2', 'P3', 'P4']
    """
    least = 3 if validation else 2
    if folds < least:
        raise InputError("folds", f"at least {least}", str(folds))
    drawn = _drawn(subjects, seed, labels)
    if len(drawn) < folds:
        raise InputError("folds", f"at most one for each of {counted(len(drawn), 'subject')}", str(folds))
    dealt = [tuple(drawn[fold::folds]) for fold in range(folds)]
    splits = []
    for fold in range(folds):
        watching = (fold + 1) % folds if validation else None
        learning = itertools.chain.from_iterable(dealt[k] for k in range(folds) if k not in (fold, watching))
        splits.append(Split(tuple(learning), () if watching is None else dealt[watching], dealt[fold]))
    return splits


def _drawn(subjects: Iterable[str], seed: int, labels: Mapping[str, str] | None) -> list[str]:
    """Subjects label by label, and within a label in the order of their hashes."""
    ids = list(subjects)
    _once(ids, "each subject once")
    unlabelled = [] if labels is None else [subject for subject in ids if subject not in labels]
    if unlabelled:
        raise InputError("split", "a label for each subject", f"none for {counted(len(unlabelled), 'subject')}")

    def place(subject: str) -> tuple[str, str]:
        drawn = hashlib.sha256(json.dumps([seed, subject]).encode()).hexdigest()
        return "" if labels is None else str(labels[subject]), drawn

    return sorted(ids, key=place)


def _once(ids: Sequence[str], rule: str) -> None:
    repeated = len(ids) - len(set(ids))
    if repeated:
        raise InputError("split", rule, f"{repeated} in several" if "part" in rule else f"{repeated} again")
