"""The pure core: values in, effects out; no clock, no I/O, no threads, no logging."""
