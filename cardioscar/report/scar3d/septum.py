"""What a page says of the septum, on which the names of the AHA segments rest."""

from __future__ import annotations

from cardioscar.scar3d.quality.result_input import SeptumFacts

_PLACES = "Anterior is at the top, the septum on the left"


def septum_warning(septum: SeptumFacts | None) -> str:
    """A short line for figures whose names of segments are not to be relied on; empty where they are.

    >>> septum_warning(SeptumFacts("guessed", scanner_frame=False))
    'names are arbitrary: the file has no scanner frame'
    """
    if septum is None or septum.source != "guessed":
        return ""
    if septum.scanner_frame is False:
        return "names are arbitrary: the file has no scanner frame"
    return "names are a guess: nobody said where the septum is"


def septum_source(septum: SeptumFacts | None) -> str:
    """The same in a few words; empty where there are no segments.

    >>> septum_source(SeptumFacts("guessed", scanner_frame=True))
    'septum guessed from the scanner axes'
    """
    if septum is None:
        return ""
    guess = "septum guessed from the scanner axes" if septum.scanner_frame is not False else "septum not known"
    return {"given": "septum given", "mesh": "septum read off the mesh", "guessed": guess}.get(septum.source, "")


def septum_note(septum: SeptumFacts | None) -> str:
    """The same in sentences, below the bullseye.

    >>> septum_note(SeptumFacts("given"))
    'Anterior is at the top, the septum on the left; where it lies was given with the data.'
    """
    source = septum.source if septum else ""
    if source == "given":
        return f"{_PLACES}; where it lies was given with the data."
    if source == "mesh":
        return f"{_PLACES}; where it lies was read off the mesh."
    if septum is None or source != "guessed":
        return f"{_PLACES}. Where it lies was not recorded."
    if septum.scanner_frame is False:
        return (
            f"{_PLACES}, so far as the names go: they are arbitrary. The axes of the file are no scanner's (they run "
            "along x, y and z), so nothing in it says where the septum is. Give septum_direction in subject.yaml, and "
            "compare the mark of the septum with the slices below."
        )
    return (
        f"{_PLACES}. No landmark was given: the septum is taken to lie to the patient's right and front, as in most "
        "patients. Compare the mark of the septum with the slices below, and give septum_direction in subject.yaml."
    )
