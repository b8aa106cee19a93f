"""Follows the rules of a home: within a second of a change every page keeps them."""

from __future__ import annotations

from collections.abc import Sequence

from bento_services.engine import Engine
from bento_services.health import RULES, Health
from bento_services.process.watch import Periodic
from feature_repo.catalog.home_rules import HomeRules
from feature_repo.catalog.rule import Rule
from feature_repo.core.errors import MarqueeError
from feature_repo.core.home import Home
from models.page.rulebook import RuleBook

SECONDS = 1.0
SILENT_SECONDS = 15.0  # a database that is away is waited for less


class RulesFollower:
    """While the rules cannot be read, the last ones hold, and the health of the process says so."""

    def __init__(self, engine: Engine, home: Home) -> None:
        self._engine = engine
        self._rules = HomeRules(home)
        self._version = -1  # of those that hold
        self._unread: Sequence[str] = ()
        self._look = Periodic("rules", self.look, SECONDS)

    def look(self) -> None:
        try:
            if (version := self._rules.version()) != self._version:
                rules: Sequence[Rule] = ()
                self._unread = ()
                if version:
                    version, rules, self._unread = self._rules.read()
                self._engine.use_rules(RuleBook(version, rules))
                self._version = version
        except MarqueeError as error:
            held = f"version {self._version}" if self._version >= 0 else "none"
            self._say(f"the last rules that were read hold ({held}): {error}")
            return
        self._say(f"the others hold: {'; '.join(self._unread)}" if self._unread else "")

    def close(self) -> None:
        self._look.close()
        self._rules.close()

    def _say(self, why: str) -> None:
        health: Health = self._engine.health
        state = "degraded" if why else "ok"
        health.say(
            RULES, state, why, within_seconds=SILENT_SECONDS, version=self._version, rules=len(self._engine.rules.rules)
        )
