"""How many damaged homes were tried, and how the verbs ended there: at the end of `make damaged-homes`."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest


def pytest_terminal_summary(terminalreporter: Any) -> None:
    total, forms = Counter[str](), 0
    for report in (*terminalreporter.stats.get("passed", ()), *terminalreporter.stats.get("failed", ())):
        if isinstance(report, pytest.TestReport) and report.when == "call":
            cases: dict[str, int] = dict(report.user_properties).get("cases", {})  # type: ignore[arg-type, assignment]
            total.update(cases)
            forms += bool(cases)
    if forms:
        ended = ", ".join(f"{count} {how}" for how, count in sorted(total.items()))
        terminalreporter.write_line(f"damaged homes: {total.total()} cases of {forms} commands: {ended}")
