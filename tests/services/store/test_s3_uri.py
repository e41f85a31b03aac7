"""Addresses of an object store are taken apart, and unsafe ones refused without being repeated."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardioscar.errors import ConfigError, InputError
from cardioscar.services.store.s3_uri import S3Place, check_key


@pytest.mark.parametrize(
    ("uri", "bucket", "prefix"),
    [
        ("s3://hearts", "hearts", ""),
        ("s3://hearts/", "hearts", ""),
        ("s3://hearts/a", "hearts", "a"),
        ("s3://my.hearts-1/a/b c/ü/", "my.hearts-1", "a/b c/ü"),
    ],
)
def test_an_address_has_a_bucket_and_a_prefix(uri, bucket, prefix):
    place = S3Place.parse(uri, where="cohort")
    assert (place.bucket, place.prefix) == (bucket, prefix)
    assert str(place) == uri.rstrip("/")
    assert S3Place.parse(str(place), where="cohort") == place


@pytest.mark.parametrize(
    "uri",
    [
        *(
            "",
            "hearts/a",
            "s3:/hearts/a",
            "S3://hearts",
            "https://hearts",
            "s3://",
            "s3:///a",
            "s3://a",
            "s3://.hearts",
        ),
        *("s3://KEY:s3cret@hearts/a", "s3://he..arts", "s3://hearts//a", "s3://hearts/a//", "s3://hearts/../a"),
        *("s3://hearts/a/./b", "s3://hearts/a\\b", "s3://hearts/a\nb", "s3://hearts/" + "x" * 256, "s3://hearts/a\0"),
    ],
)
def test_other_addresses_are_refused_without_repeating_them(uri):
    with pytest.raises(ConfigError, match="^(cohort|bucket name): expected") as caught:
        S3Place.parse(uri, where="cohort")
    assert "s3cret" not in str(caught.value)
    assert str(caught.value).isprintable()


def test_a_child_is_below_its_parent():
    place = S3Place("hearts") / "results/trial" / "P001"
    assert (place.prefix, place.name, place.under) == ("results/trial/P001", "P001", "results/trial/P001/")
    assert (S3Place("hearts").name, S3Place("hearts").under) == ("hearts", "")
    assert len({place, S3Place("hearts", "results/trial/P001")}) == 1


@pytest.mark.parametrize(
    "name", ["", "..", ".", "a/../b", "/a", "a/", "a//b", "a\\b", "a\x7f", "\ud800", "a/" * 600 + "a"]
)
def test_an_unsafe_child_is_refused(name):
    with pytest.raises(InputError, match="object key"):
        S3Place("hearts") / name


@given(st.text(max_size=30))
def test_a_key_that_passes_stays_in_its_folder(tmp_path_factory, key):
    try:
        check_key(key)
    except InputError:
        return
    folder = tmp_path_factory.getbasetemp()
    path = (folder / key).resolve()
    assert path.is_relative_to(folder.resolve())
    assert path.relative_to(folder.resolve()).as_posix() == key
