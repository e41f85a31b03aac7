"""The table of PS3.15's basic profile (E.1-1, edition 2026c) as data: `docs/dicom_profile.py` writes its file."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

NOT_JUDGED = frozenset(
    {"SeriesDescription", "StudyDescription", "ProtocolName", "RequestedProcedureDescription"}
    | {"PerformedProcedureStepDescription", "ScheduledProcedureStepDescription", "AcquisitionProtocolDescription"}
    | {"PatientAge", "PatientSex", "PatientSexNeutered", "PatientSize", "PatientWeight", "PregnancyStatus"}
    | {"SmokingStatus", "ContrastBolusAgent", "TimezoneOffsetFromUTC"}
)
"""Attributes that the profile takes away or cleans, and that name nobody by themselves: none of them reaches an
output."""

_FILE = Path(__file__).with_name("dicom_profile.csv")


@dataclass(frozen=True)
class Rule:
    """What the profile does to an attribute.

    Attributes:
        name: Its keyword, or its tag where it has none yet.
        action: `X` removed, `Z` emptied, `D` given a dummy, `U` another UID; several where the kind of image decides.
        options: Codes of the profile's options that let a value stay.
    """

    name: str
    action: str
    options: frozenset[str]


@cache
def profile() -> dict[int, Rule]:
    """Rule of each attribute that must be absent, empty or a dummy, by its tag; those of replaced UIDs are left out.

    >>> profile()[0x00100010]
    Rule(name='PatientName', action='Z', options=frozenset())
    """
    with _FILE.open(encoding="utf-8", newline="") as stream:
        return {
            int(row["tag"], 16): Rule(
                row["keyword"] or f"({row['tag'][:4]},{row['tag'][4:]})",
                row["action"],
                frozenset(row["options"].split()),
            )
            for row in csv.DictReader(stream)
            if "U" not in row["action"] and row["keyword"] not in NOT_JUDGED
        }
