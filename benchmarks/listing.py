"""What it costs to know a cohort's subjects, once a run and again for each: `python benchmarks/listing.py [--write]`.

Cohorts of subject folders with three files each, in a folder and below a prefix of an object store, whose server is a
process of its own. *Listed again*: each of the two stages that read a subject's files opens the cohort by its address,
as a run did before; timed for some subjects and multiplied, as it takes minutes. *Listed once*: the cohort is opened
and listed, and each subject's stages are given their part of it, pickled and unpickled as for a worker. The files of a
subject are looked at both ways; none is read or brought.
"""

from __future__ import annotations

import argparse
import os
import pickle
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from botocore.exceptions import HTTPClientError
from measured import conditions, table, write_page
from servers import free_port

from cardioscar.cohort.opening import open_cohort
from cardioscar.cohort.selection import select
from cardioscar.cohort.source import CohortSource
from cardioscar.cohort.store import StoredCohort
from cardioscar.services.store.object_store import Store
from cardioscar.services.store.s3_uri import S3Place
from cardioscar.stages.scar3d.layout import SCAR3D_LAYOUT

PAGE = Path(__file__).parents[1] / "docs/benchmarks/listing.md"
FILES = ("mesh.vtu", "lge.nii.gz", "labels.nii.gz")
STAGES = (("mesh", "lge", "labels"), ("truth",))
"""Roles that each of the two stages reads, of preprocess and evaluate."""
SAMPLE = 40
"""Subjects for which the cohort is listed again."""


def make_folder(root: Path, subjects: int) -> Path:
    """Folders of empty files."""
    for number in range(subjects):
        folder = root / f"P{number:05d}"
        folder.mkdir(parents=True)
        for name in FILES:
            (folder / name).touch()
    return root


@contextmanager
def emulated_store() -> Iterator[Store]:
    """An S3 server on loopback, in a process of its own, which the environment names."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    names = {
        "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "s",
    }
    os.environ |= names | {"AWS_DEFAULT_REGION": "us-east-1"}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        store = Store.connect()
        for _ in range(100):
            try:
                store.connection.client.create_bucket(Bucket="hearts")
                break
            except HTTPClientError:  # it is not up yet
                time.sleep(0.1)
        yield store
    finally:
        process.terminate()
        process.wait()


def make_prefix(store: Store, subjects: int) -> S3Place:
    """The same below a prefix."""
    at = S3Place("hearts", f"cohort-{subjects}")
    keys = [f"{at.under}P{number:05d}/{name}" for number in range(subjects) for name in FILES]
    store.connection.together(
        lambda key: store.connection.client.put_object(Bucket=at.bucket, Key=key, Body=b"x"), keys
    )
    return at


def look(cohort: CohortSource, subject: str, roles: Sequence[str]) -> None:
    """What a stage asks of the cohort for one subject, without bringing a file from a store."""
    if isinstance(cohort, StoredCohort):
        # what tells of the subject's files; to bring these costs the same both ways
        assert any(row.subject == subject for row in cohort._known([subject]).rows)
        return
    with cohort.files([subject], roles) as [entry]:
        entry.checked()


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Processor time of this process, and wall time."""
    here, wall = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - here, time.perf_counter() - wall


def again(uri: str, ids: list[str]) -> None:
    """Open the cohort for every stage of each subject."""
    for subject in ids:
        for roles in STAGES:
            look(open_cohort(uri, SCAR3D_LAYOUT), subject, roles)


def once(uri: str) -> None:
    """List the cohort, then hand each subject its part."""
    source = open_cohort(uri, SCAR3D_LAYOUT)
    for entry in select(source):
        sent = pickle.loads(pickle.dumps(source.of([entry.subject])))
        for roles in STAGES:
            look(sent, entry.subject, roles)


def rows_of(where: str, uri: str, subjects: int) -> tuple[str, ...]:
    """One line of the table."""
    ids = [entry.subject for entry in select(open_cohort(uri, SCAR3D_LAYOUT))]
    sample = ids[:: max(1, subjects // SAMPLE)][:SAMPLE]
    before, waited = (len(ids) / len(sample) * value for value in seconds(lambda: again(uri, sample)))
    listing, _ = seconds(lambda: select(open_cohort(uri, SCAR3D_LAYOUT)))
    after, wall = seconds(lambda: once(uri))
    values = (f"{value:.2f}" for value in (listing, after, wall))
    return (f"{where}, {subjects:,}", f"{before:.0f}", f"{waited:.0f}", *values)


def main() -> None:
    """Measure and print, or write to the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subjects", type=int, nargs="+", default=[1000, 4000])
    parser.add_argument("--write", action="store_true", help=f"write to {PAGE.name}")
    arguments = parser.parse_args()
    where, rows = conditions(["boto3", "moto"]), []
    with tempfile.TemporaryDirectory(prefix="cardioscar-listing-") as name, emulated_store() as store:
        folders = {subjects: make_folder(Path(name) / str(subjects), subjects) for subjects in arguments.subjects}
        rows += [rows_of("folder", str(folder), subjects) for subjects, folder in folders.items()]
        rows += [rows_of("store", str(make_prefix(store, subjects)), subjects) for subjects in arguments.subjects]
    columns = (
        "cohort, subjects", "listed again: CPU s", "wall s", "one listing: CPU s", "listed once, all subjects: CPU s",
        "wall s",
    )  # fmt: skip
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    text = f"{where}\n\n{table(columns, rows)}\n\n- highest memory of the process, all cohorts together: {peak:.0f} MiB"
    sys.stdout.write(f"{text}\n")
    if arguments.write:
        write_page(PAGE, text)


if __name__ == "__main__":
    main()
