"""Chromium on the page of a service that runs: what it complains of, where it asks, and what axe finds."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
NEEDS_CHROMIUM = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (apt-get install chromium)")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
NPM = Path(__file__).parent / "npm"
WIDE, NARROW = (1280, 800), (390, 844)
IMPACTS = ("serious", "critical")


@contextmanager
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


class Visit:
    """One tab. `complaints`: of its console; `outside`: what it asked of anybody but the service."""

    def __init__(self, chromium: Any, url: str, size: tuple[int, int] = WIDE, **options: Any) -> None:
        self.url = url
        self.page = chromium.new_page(viewport={"width": size[0], "height": size[1]}, **options)
        self.complaints: list[str] = []
        self.outside: list[str] = []
        self.page.set_default_timeout(15_000)
        self.page.on("console", lambda line: self.complaints.append(line.text) if line.type == "error" else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda sent: self._asked(sent.url))

    def _asked(self, url: str) -> None:
        if not url.startswith((self.url, "data:")):
            self.outside.append(url)

    def open(self, address: str = "/") -> Any:
        """The page of an address of the service, drawn."""
        self.page.goto(self.url + address)
        return self.drawn()

    def drawn(self) -> Any:
        from playwright.sync_api import expect

        expect(self.page.locator("#view")).to_have_attribute("aria-busy", "false", timeout=15_000)
        return self.page

    def whole(self, address: str) -> Any:
        """The page of an address, of the best rung: the page asks for it again by itself until it is."""
        from playwright.sync_api import expect

        self.open(address)
        expect(self.page.locator("[data-notice='rung']")).to_have_count(0, timeout=30_000)
        return self.drawn()


def axe() -> str:
    """The source of axe-core, which npm installs by the lock beside it where it is not yet; skips without npm."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("no npm on this machine (apt-get install npm)")
    installed, lock = NPM / "node_modules" / "axe-core", NPM / "package-lock.json"
    locked = json.loads(lock.read_text())["packages"]["node_modules/axe-core"]["version"]
    with FileLock(f"{NPM}/.lock"):  # parallel workers install it once
        package = installed / "package.json"
        if not package.exists() or json.loads(package.read_text())["version"] != locked:
            command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(NPM)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=150, check=False)
            assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return (installed / "axe.min.js").read_text()


def faults_of(page: Any, source: str) -> list[str]:
    """What axe finds serious or critical on what is shown now."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(source)  # not a script of the page: its policy admits only its own
    # What fades in or out is looked at when it has arrived.
    ends = "document.getAnimations().filter((one) => one.effect.getComputedTiming().iterations !== Infinity)"
    page.evaluate(f"Promise.all({ends}.map((one) => one.finished.catch(() => {{}})))")
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [
        f"{fault['impact']} {fault['id']}: {node['html'][:160]} {node['failureSummary'][:200]}"
        for fault in found
        for node in fault["nodes"]
        if fault["impact"] in IMPACTS
    ]
