"""Proof by force: a pipeline under load while processes, servers, networks and disks fail."""
