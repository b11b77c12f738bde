"""Synergy Scheduler: every interval recorded, in order, to a final state."""

__version__ = '3.0.0.dev0'
