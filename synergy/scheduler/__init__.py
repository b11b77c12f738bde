"""The Scheduler: one loop that gathers, decides, saves, announces and waits."""
