"""Watch, a process beside all others: it follows what happens, and tells people and services.

Whom it tells may be slow or away. Nothing that decides or works waits for it.
"""
