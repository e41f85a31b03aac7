"""Late activation as stages: strain of each subject, then onsets, map and report."""
