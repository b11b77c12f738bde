"""Users of the dashboard, their tokens, and the secret that signs their cookies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from synergy.core.users import ApiToken, Role, User, UserOutcome


class UserStore(Protocol):
    """Who may log in to the dashboard, and the secret by which its cookies are signed."""

    def users(self) -> Sequence[User]:
        """Return every user, by name; for an illegal row, one that nobody can log in as."""
        ...

    def had_users(self) -> bool:
        """Tell whether there is a user, or ever was one; it stays true when the last is removed."""
        ...

    def add_user(self, user: User) -> bool:
        """Insert a user, unless there is one whose name is alike; tell whether it was done.

        The check and the write are one step, as with every change here.
        """
        ...

    def set_role(self, name: str, role: Role, *, keeps_admin: bool = True) -> UserOutcome:
        """Change the role of a user and raise its serial.

        keeps_admin: refuse what would leave no admin (`synergy.core.users.outcome_of`).
        """
        ...

    def set_password(self, name: str, password_hash: str) -> bool:
        """Change the password of a user and raise its serial; tell whether there was one."""
        ...

    def end_sessions(self, name: str) -> None:
        """Raise the serial of a user, if there is one: logins made before are worth nothing."""
        ...

    def remove_user(self, name: str, *, keeps_admin: bool = True) -> UserOutcome:
        """Delete a user and all tokens of that name.

        keeps_admin: refuse what would leave no admin, or nobody (`outcome_of`).
        """
        ...

    def tokens(self) -> Sequence[ApiToken]:
        """Return every token, newest first."""
        ...

    def save_token(self, token: ApiToken) -> bool:
        """Insert a token if its user is there and no token has its id; tell whether it was done."""
        ...

    def remove_token(self, token_id: str) -> bool:
        """Delete a token; tell whether there was one."""
        ...

    def kept_secret(self, fresh: str) -> str:
        """Return the installation's secret: the one kept before, else `fresh`, kept from now on."""
        ...
