"""Refused configuration: all problems together, each with its remedy."""

from __future__ import annotations

from synergy.core.redaction import redacted_text


class ConfigurationError(Exception):
    """Something that the project says cannot be worked with; `problems` lists every reason."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        """Keep the problems, without secrets; the message is all of them, one a line."""
        problems = tuple(map(redacted_text, problems))
        super().__init__('\n'.join(problems))
        self.problems = problems


class SettingsError(ConfigurationError):
    """Settings that are unknown, mistyped or out of range."""


class ContextError(ConfigurationError):
    """A context that cannot be scheduled."""
