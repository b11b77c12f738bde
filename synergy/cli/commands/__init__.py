"""One module for each sub-command of `launch.py`."""
