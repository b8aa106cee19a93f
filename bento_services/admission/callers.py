"""The caller of a request: the name of its key, its scopes, and the viewers it may act for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from bento_services.admission.problem import Problem

Scope = Literal["serve", "events", "catalog", "admin", "metrics"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
ViewerRule = Literal["any", "token", "none"]
VIEWER_RULES: tuple[ViewerRule, ...] = get_args(ViewerRule)


@dataclass(frozen=True)
class Caller:
    name: str
    scopes: frozenset[str]
    viewers: ViewerRule = "any"
    viewer_id: str = ""  # of a viewer token: the only viewer that it may act for
    key_id: str = ""  # of the secret that was presented; "" without keys

    @property
    def who(self) -> str:
        """For an audit: a name can be given to another key later, an id cannot."""
        return f"{self.name} ({self.key_id})" if self.key_id else "anybody"

    def has(self, scope: Scope) -> bool:
        return scope in self.scopes or "admin" in self.scopes

    def acts_for(self, viewer_id: str, session_id: str = "") -> str:
        """The viewer that a request naming this user and session is answered for; empty: anonymous.

        Raises Problem 403 for a viewer that this caller may not act for.
        """
        if self.viewers == "any":
            return viewer_id
        if self.viewers == "none" and (viewer_id or session_id):
            raise Problem(403, "not_this_viewer", "this key acts for no viewer: leave user and session out")
        if viewer_id not in ("", self.viewer_id):
            raise Problem(403, "not_this_viewer", "this viewer token is another viewer's")
        return self.viewer_id

    def stands_for(self, viewer_id: str, session_id: str) -> str:
        """As `acts_for`, and a session works like a viewer where there is none."""
        return self.acts_for(viewer_id, session_id) or session_id


ANYBODY_HERE = Caller("loopback", frozenset(SCOPES))
NOBODY = Caller("nobody", frozenset(), viewers="none")
