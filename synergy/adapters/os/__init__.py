"""Clocks, and processes of the operating system."""
