"""Benchmarks: each module measures one thing and prints a table; `launch.py bench` runs them."""
