"""Tissues that a heart's picture is made of."""

from __future__ import annotations

from enum import IntEnum


class Tissue(IntEnum):
    """What fills a place, living or dead muscle of the left ventricle apart: their mix is a share, not a tissue."""

    AIR = 0
    """Outside of the body, lung, bowel gas: no signal."""
    LUNG = 1
    """Vessels and walls of the lung: little signal."""
    WALL = 2
    """Muscle of the left ventricle, living."""
    PAPILLARY = 3
    """Papillary muscle and trabeculae: muscle that readers count to the cavity."""
    LV_BLOOD = 4
    """Blood of the left heart and of arteries."""
    RV_BLOOD = 5
    """Blood of the right heart and of veins: contrast may arrive at another time than in the left heart."""
    RV_WALL = 6
    """Muscle of the right ventricle, and thin walls of atria and vessels."""
    FAT = 7
    """Fat of any place."""
    MUSCLE = 8
    """Muscle of chest and back."""
    BONE = 9
    """Ribs, sternum, spine."""
    LIVER = 10
    """Liver."""
    ORGAN = 11
    """Spleen, stomach and others: any signal."""
    FLUID = 12
    """Fluid of pericardium, pleura, stomach: long T1, not enhanced."""
