"""What a stage's work warned of, subject by subject: each warning is a doubt that a reader of the results must see.

A module says a doubt with `log.warning`. While a shard is worked on, records of level WARNING and above of
cardioscar's loggers are kept for the subject that `about` names, in this process and thread: what is said outside of a
subject's work (`about(stage, "-")`) is about the machine and kept for nobody.
"""

from __future__ import annotations

import logging
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from cardioscar.identity.spoken_names import without_user_names
from cardioscar.logs import place

LOGGER = "cardioscar"
MOST = 20
"""Warnings kept of one subject in one stage; the last says how many more there were."""
LONGEST = 300
"""Characters of one warning."""

LONGEST_READ = 2000
"""Characters that are looked at: the searches below take time with the square of a long word."""

# a folder at the root, of the user, relative by dots, on a drive, or of a store
_ROOTED = re.compile(r"(?:(?<=[\s'\"(=])|^)(?:[A-Za-z][A-Za-z0-9+.-]*://|[A-Za-z]:\\|~?/|\.\.?/)")
# a word with two separators, or one before a file's ending: `mm/pixel` and `and/or` are none
_NESTED = re.compile(r"[^\s/\\]*[/\\][^\s/\\]*[/\\]|[/\\][^\s/\\]*\.[A-Za-z]\w*|\\\w")
_SOURCE = re.compile(r"^[\w.]+\.\w+: ")
_FOLDERS = re.compile(r"[^\s'\"]*[/\\](?:.*[/\\])?")


class Concerns(logging.Handler):
    """Keeps the warnings of a stage by subject.

    Args:
        stage: Name of the stage, as `about` gives it.
    """

    def __init__(self, stage: str) -> None:
        super().__init__(logging.WARNING)
        self._stage = stage
        self._said: dict[str, dict[str, None]] = defaultdict(dict)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record for the subject in whose work it was made."""
        stage, subject = place()
        # that a subject failed is its row's error
        if stage == self._stage and subject != "-" and getattr(record, "outcome", "") != "failed":
            self._said[subject][clean(record.getMessage())] = None

    def of(self, subject: str) -> list[str]:
        """What was said of a subject so far, in order, each once; at most `MOST` lines."""
        said = [text for text in self._said.get(subject, {}) if text]
        if len(said) <= MOST:
            return said
        return [*said[: MOST - 1], f"and {len(said) - MOST + 1} more warnings"]

    def forget(self, subject: str) -> None:
        """Begin anew with a subject."""
        self._said.pop(subject, None)


@contextmanager
def heard(stage: str) -> Iterator[Concerns]:
    """Keep what is warned of while a stage works.

    What is kept must not depend on how much is logged: a logger that is set to say less than warnings hears them all
    the same, and passes on no more than before.
    """
    logger, concerns = logging.getLogger(LOGGER), Concerns(stage)
    level, least = logger.level, logger.getEffectiveLevel()
    others = _handlers(logger) or ([logging.lastResort] if logging.lastResort else [])
    own = [concerns] if logger.hasHandlers() else [concerns, *others]

    def as_before(record: logging.LogRecord) -> bool:
        return record.levelno >= least or not record.name.startswith(LOGGER)

    for handler in own:
        logger.addHandler(handler)
    if least > logging.WARNING:
        logger.setLevel(logging.WARNING)
        for handler in others:
            handler.addFilter(as_before)
    try:
        yield concerns
    finally:
        for handler in others:
            handler.removeFilter(as_before)
        logger.setLevel(level)
        for handler in own:
            logger.removeHandler(handler)


def _handlers(logger: logging.Logger) -> list[logging.Handler]:
    found, one = list(logger.handlers), logger
    while one.propagate and one.parent is not None:
        one = one.parent
        found += one.handlers
    return found


def gathered(by_stage: Iterable[tuple[str, Sequence[str]]]) -> list[dict[str, str]]:
    """Warnings of several stages as rows `stage` and `text`; what a later stage repeats of the same mesh is left out.

    >>> gathered([("preprocess", ["mesh.vtu: 2 pieces"]), ("infer", ["scar.vtu: 2 pieces", "few draws"])])
    [{'stage': 'preprocess', 'text': 'mesh.vtu: 2 pieces'}, {'stage': 'infer', 'text': 'few draws'}]
    """
    rows: dict[str, dict[str, str]] = {}
    for stage, texts in by_stage:
        for text in texts:
            rows.setdefault(_SOURCE.sub("", text), {"stage": stage, "text": text})
    return list(rows.values())


def clean(text: str) -> str:
    """One line of printable text without folders: these, and the names of files, can identify people.

    >>> clean("mesh.vtu: 2 pieces\\n of 5 mm/pixel")
    'mesh.vtu: 2 pieces of 5 mm/pixel'
    >>> clean("cannot read '/data/Jane Doe/lge.nii.gz'")
    "cannot read 'lge.nii.gz'"
    """
    line = " ".join("".join(c if c.isprintable() else " " for c in without_user_names(text[:LONGEST_READ])).split())
    if _ROOTED.search(line) or _NESTED.search(line):
        # from the word of the first separator to the last one: a folder's name may hold spaces
        line = _FOLDERS.sub("", line)
    return line if len(line) <= LONGEST else line[: LONGEST - 1].rstrip() + "…"
