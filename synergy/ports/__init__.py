"""Ports: the small Protocols through which the shells reach store, broker, clock and processes."""
