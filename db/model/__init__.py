"""Rows of the illustration suite."""
