"""How long a server is waited for that has not answered yet.

At a terminal that is a wrong address more often than a restart, and is said within seconds. A pod of a run got its
addresses from the installation, may start while the server does, and is not started again by Kubeflow if it ends with
an error: it waits.
"""

from __future__ import annotations

import os

IN_A_POD_S = 60.0
"""Seconds that a task of a Kubeflow run waits for its first answer."""


def first_patience_s(at_a_terminal_s: float) -> float:
    """Seconds to wait for a first answer; Kubeflow names the pod of a task by `KFP_POD_NAME`."""
    return IN_A_POD_S if os.environ.get("KFP_POD_NAME") else at_a_terminal_s
