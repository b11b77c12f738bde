"""The store for many machines: MongoDB."""
