"""The `plan` component."""

from components.evaluation.plan.component import plan

__all__ = ["plan"]
