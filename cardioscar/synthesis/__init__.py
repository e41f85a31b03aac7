"""Random hearts and what a scanner makes of them: training data that needs no patient."""
