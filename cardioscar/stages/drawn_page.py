"""A subject's page is written whatever becomes of its figures: the numbers stand without the pictures."""

from __future__ import annotations

import logging
from typing import Protocol

from cardioscar.errors import PlatformError
from cardioscar.logs import about

log = logging.getLogger(__name__)


class WritePage(Protocol):
    """Writes a subject's page."""

    def __call__(self, *, figures: bool) -> object:
        """Write it, with figures or without."""


def write_page_anyway(subject: str, write: WritePage, *, figures: bool) -> None:
    """Write a subject's page, without figures where they cannot be drawn; the page says that they are missing.

    What cannot be drawn is no doubt about the subject: it is not among the warnings of its work.

    Args:
        subject: Its id.
        write: Writes the page.
        figures: Draw them.

    Raises:
        PlatformError: If the machine fails; so do OSError and MemoryError.
    """
    with about("report", subject):
        try:
            write(figures=figures)
        except (PlatformError, OSError, MemoryError):
            raise
        except Exception as error:  # whatever a drawing library meets
            log.warning("a report without figures: %s while drawing", type(error).__name__)
            log.debug("figures", exc_info=True)
            write(figures=False)
