"""How a thing looks: marks of the dashboard. Those of jobs and runs are their conditions."""

from __future__ import annotations

from synergy.view.conditions import Mark as Mark
