"""Real servers on loopback, for tests, benchmarks and chaos."""
