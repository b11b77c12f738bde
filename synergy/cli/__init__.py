"""The command line: one module for each sub-command of `launch.py`."""
