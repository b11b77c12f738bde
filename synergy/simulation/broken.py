"""What is raised where a promise does not hold."""

from __future__ import annotations


class Broken(BaseException):
    """A promise was broken; the message says which, and the seed replays it.

    A BaseException: what isolates failing decisions must not take it for one.
    """
