"""No subject is in two parts, whoever asks and in whatever order."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardioscar.errors import InputError
from cardioscar.learning.split import Split, k_folds, split_subjects

IDS = st.lists(st.text("ABCP0123456789-", min_size=1, max_size=8), min_size=10, max_size=60, unique=True)
SHARES = st.sampled_from([0.0, 0.2, 0.25, 0.4])


@given(IDS, SHARES, SHARES, st.integers(0, 5))
def test_parts_are_disjoint_whole_and_of_their_shares(
    ids: list[str], validation: float, test: float, seed: int
) -> None:
    split = split_subjects(ids, validation=validation, test=test, seed=seed)
    parts = [set(split.train), set(split.validation), set(split.test)]
    assert set.union(*parts) == set(ids)
    assert sum(map(len, parts)) == len(ids)
    for part, share in zip(parts, (1 - validation - test, validation, test), strict=True):
        assert abs(len(part) - share * len(ids)) < 1.5
    assert all(split.part_of(one) == "test" for one in split.test)


@given(IDS, st.integers(2, 6), st.integers(0, 5), st.booleans())
def test_each_subject_is_tested_once(ids: list[str], folds: int, seed: int, validation: bool) -> None:
    folds += validation
    if folds > len(ids):
        return
    splits = k_folds(ids, folds, seed=seed, validation=validation)
    assert sorted(subject for split in splits for subject in split.test) == sorted(ids)
    for split in splits:
        assert not set(split.test) & (set(split.train) | set(split.validation))
        assert len(split.train) + len(split.validation) + len(split.test) == len(ids)
        assert bool(split.validation) == validation
    assert max(len(s.test) for s in splits) - min(len(s.test) for s in splits) <= 1


@given(IDS, st.randoms())
def test_the_order_of_the_ids_plays_no_part(ids: list[str], rng: random.Random) -> None:
    shuffled = rng.sample(ids, len(ids))
    assert k_folds(ids, 3, seed=1) == k_folds(shuffled, 3, seed=1)
    one, other = (split_subjects(each, validation=0.2, test=0.2, seed=1) for each in (ids, shuffled))
    assert one == other
    assert one.sha256 == other.sha256


def test_another_seed_is_another_split_and_the_hash_tells() -> None:
    ids = [f"P{n:03d}" for n in range(40)]
    splits = [split_subjects(ids, seed=seed) for seed in range(5)]
    assert len({split.sha256 for split in splits}) == 5
    assert len(splits[0].sha256) == 64
    assert Split(("P1", "P2"), ("P3",)).sha256 != Split(("P1",), ("P2", "P3")).sha256
    assert Split(("P2", "P1")) == Split(("P1", "P2"))


def test_each_part_has_its_share_of_each_label() -> None:
    ids = [f"P{n:03d}" for n in range(60)]
    labels = {subject: "infarct" if n % 3 else "none" for n, subject in enumerate(ids)}
    for seed in range(5):
        split = split_subjects(ids, validation=0.2, test=0.2, seed=seed, labels=labels)
        for part, wanted in (("train", 36), ("validation", 12), ("test", 12)):
            of_label = sum(labels[subject] == "infarct" for subject in getattr(split, part))
            assert abs(of_label - wanted * 2 / 3) <= 1
        for fold in k_folds(ids, 5, seed=seed, labels=labels):
            assert sum(labels[subject] == "infarct" for subject in fold.test) == 8


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: split_subjects(["P1", "P1", "P2"]), "split: expected each subject once, found 1 again"),
        (lambda: split_subjects(["P1", "P2"]), "expected enough subjects to give validation and test one, found 2 sub"),
        (lambda: split_subjects(["P1"], validation=0.5, test=0.5), "split: expected shares of at least 0 that leave"),
        (lambda: split_subjects(["P1"], validation=-0.1), "split: expected shares of at least 0"),
        (
            lambda: split_subjects(["P1", "P2"], labels={"P1": "a"}),
            "split: expected a label for each subject, found no",
        ),
        (lambda: split_subjects([]), "split: expected enough subjects to give train and validation and test one"),
        (lambda: k_folds(["P1", "P2"], 1), "folds: expected at least 2, found 1"),
        (lambda: k_folds(["P1", "P2"], 2, validation=True), "folds: expected at least 3, found 2"),
        (lambda: k_folds(["P1", "P2"], 3), "folds: expected at most one for each of 2 subjects, found 3"),
        (lambda: Split((), ("P1",)), "split: expected at least one subject to learn from, found none"),
        (lambda: Split(("P1",), ("P1",)), "split: expected each subject in one part, found 1 in several"),
        (lambda: Split(("P1",)).part_of("P2"), "split: expected a subject of the split, found another"),
    ],
)
def test_what_cannot_be_split_is_refused(make, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError) as refused:
        make()
    assert message in str(refused.value)
