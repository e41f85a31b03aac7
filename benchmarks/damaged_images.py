"""What the readers of images make of damaged files: refused, read as it was, or read as something else.

    python benchmarks/damaged_images.py [--files 2000] [--formats nii,mha] [--seed 0] [--write]

Every file is a small whole image with one thing done to it: bits flipped in the header or in the voxels, the end cut
off, a line or a piece said twice or left out. Another process reads them, with limits of time and memory, so that a
reader that crashes, hangs or fills the memory is counted as such.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from image_samples import SAMPLES, Sample
from measured import conditions, table, write_page

REPOSITORY = Path(__file__).resolve().parents[1]
PAGE = REPOSITORY / "docs" / "benchmarks" / "damaged-images.md"
KINDS = ("header flip", "voxel flip", "cut", "said twice", "left out")
OUTCOMES = ("refused", "equal", "different", "crashed", "too long", "unforeseen")
LIMIT_S, LIMIT_MIB = 20, 3000
SLOW, SLOWER = ("dcm.jpeg", "dcm.jpeg2000"), 4
"""Formats whose every file takes a process of its own, and by how much fewer of them are made."""

# Reads the files whose names it is sent and says what came of each. A fault that is none of the package's own errors is
# said by its name; a crash ends it, as it would end whoever reads.
_READER = """
import logging, resource, signal, sys
from pathlib import Path
import numpy as np
from cardioscar.errors import InputError
from cardioscar.imaging.formats.volume_files import read_volume

said = []
logger, handler = logging.getLogger("cardioscar"), logging.NullHandler()
handler.handle = said.append
logger.addHandler(handler)
logger.propagate = False
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[3]) * 2**20,) * 2)
whole = read_volume(Path(sys.argv[1]))
for line in sys.stdin:
    said.clear()
    signal.alarm(int(sys.argv[2]))
    try:
        found = read_volume(Path(line.rstrip("\\n")))
        same = found.values.shape == whole.values.shape and np.array_equal(found.values, whole.values)
        placed = np.array_equal(found.affine, whole.affine) and found.slice_thickness_mm == whole.slice_thickness_mm
        answer = "equal" if same and placed else "different " + ("voxels" if placed else "frame" if same else "both")
        answer += " with a warning" if said and answer != "equal" else ""
    except InputError as error:
        answer = "refused"
    except BaseException as error:
        answer = f"unforeseen {type(error).__name__}"
    signal.alarm(0)
    status = Path("/proc/self/status").read_text()  # getrusage would count who started it
    print(answer, int(status.partition("VmHWM:")[2].split()[0]) // 1024, flush=True)
"""


@dataclass(frozen=True)
class Damage:
    """One damaged file.

    Attributes:
        kind: What was done, one of `KINDS`.
        data: What is left of the file.
    """

    kind: str
    data: bytes


def damages(sample: Sample, count: int, seed: int) -> Iterator[Damage]:
    """Damage a file again and again, each time in one way; the same seed does the same."""
    chance = random.Random(f"{sample.name} {seed}")
    for number in range(count):
        kind = KINDS[number % len(KINDS)]
        data = _damaged(sample, kind, chance)
        if data != sample.damaged:
            yield Damage(kind, data)


def _damaged(sample: Sample, kind: str, chance: random.Random) -> bytes:
    data, split = bytearray(sample.damaged), sample.header_bytes
    if kind in ("header flip", "voxel flip"):
        first, last = (0, split) if kind == "header flip" else (min(split, len(data) - 1), len(data))
        for _ in range(chance.choice((1, 1, 1, 2, 8))):
            data[chance.randrange(first, last)] ^= 1 << chance.randrange(8)
        return bytes(data)
    if kind == "cut":
        return bytes(data[: chance.randrange(len(data))])
    pieces = bytes(data[:split]).splitlines(keepends=True) if sample.is_text else None
    if pieces and len(pieces) > 1:
        at = chance.randrange(len(pieces))
        other = chance.randrange(len(pieces)) if chance.random() < 0.5 else at
        pieces[at : at + 1] = [pieces[at], pieces[other]] if kind == "said twice" else []
        return b"".join(pieces) + bytes(data[split:])
    at, size = chance.randrange(len(data)), chance.choice((1, 2, 4, 16, 100))
    piece = bytes(data[at : at + size])
    return bytes(data[:at]) + (piece * 2 if kind == "said twice" else b"") + bytes(data[at + size :])


class Reader:
    """The process that reads; a new one after each that ended."""

    def __init__(self, whole: Path) -> None:
        self.whole, self.peak_mib, self._process = whole, 0, None

    def read(self, path: Path) -> str:
        """What came of a file: `refused`, `equal`, `different …`, `crashed`, `too long` or `unforeseen …`."""
        process = self._process = self._process or self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{path}\n")
        process.stdin.flush()
        answer, _, peak = process.stdout.readline().strip().rpartition(" ")
        if answer:
            self.peak_mib = max(self.peak_mib, int(peak))
            return answer
        self._process = None
        for pipe in (process.stdin, process.stdout):
            pipe.close()
        return "too long" if process.wait() == -14 else "crashed"

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.communicate()

    def _started(self) -> subprocess.Popen[str]:
        words = [sys.executable, "-W", "error", "-c", _READER, str(self.whole), str(LIMIT_S), str(LIMIT_MIB)]
        return subprocess.Popen(
            words, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )


def try_sample(sample: Sample, count: int, seed: int, folder: Path) -> tuple[Counter[tuple[str, str]], int]:
    """How often each outcome followed each kind of damage, and the most memory that the reader took, in MiB."""
    whole, broken = folder / f"{sample.name}-whole", folder / f"{sample.name}-damaged"
    for place in (whole, broken):
        place.mkdir()
        for name, data in sample.files.items():
            (place / name).write_bytes(data)
    found: Counter[tuple[str, str]] = Counter()
    reader = Reader(whole / sample.image)
    try:
        for damage in damages(sample, count, seed):
            (broken / sample.target).write_bytes(damage.data)
            found[damage.kind, reader.read(broken / sample.image)] += 1
    finally:
        reader.close()
    return found, reader.peak_mib


def row(sample: Sample, found: Mapping[tuple[str, str], int], peak_mib: int) -> list[object]:
    """A line of the table: the outcomes, and by what damage a file was read as something else."""
    counts = {outcome: sum(n for (_, a), n in found.items() if a.startswith(outcome)) for outcome in OUTCOMES}
    by_kind = [sum(n for (k, a), n in found.items() if k == kind and a.startswith("different")) for kind in KINDS]
    warned = sum(n for (_, answer), n in found.items() if answer.endswith("warning"))
    return [f"{sample.name}: {sample.what}", sum(found.values()), *counts.values(), warned, *by_kind, peak_mib]


def main() -> None:
    """Try, print, and write the page if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=2000, help="damaged files of each format")
    parser.add_argument("--formats", default="", help="comma-separated names; all by default")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(REPOSITORY)}")
    arguments = parser.parse_args()
    said = conditions(["cardioscar", "numpy", "pydicom", "SimpleITK"])
    wanted = arguments.formats.split(",") if arguments.formats else list(SAMPLES)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name in wanted:
            sample = SAMPLES[name]()
            count = arguments.files // (SLOWER if name in SLOW else 1)
            found, peak = try_sample(sample, count, arguments.seed, Path(folder))
            rows.append(row(sample, found, peak))
            print(rows[-1], {" ".join(k): n for k, n in sorted(found.items()) if not k[1].startswith(("ref", "eq"))})
    after = (f"different after {kind}" for kind in KINDS)
    columns = ("format", "files", *OUTCOMES, "different, and said", *after, "peak MiB")
    text = f"{said}\n\n{table(columns, rows)}"
    print(text)
    if arguments.write:
        write_page(PAGE, text)


if __name__ == "__main__":
    main()
