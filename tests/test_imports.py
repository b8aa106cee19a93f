"""An import has no effect: no module asks the environment, changes it or starts a thread when it is imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# Feast's parser collects the attributes of this module, which are those of one home.
ALLOWED = {"feature_repo/features.py"}

# Who asks for a variable is found on the stack: a library may, also when we make an object of it.
PROGRAM = r"""
import importlib, os, sys, threading, warnings
from pathlib import Path

root, packages = Path.cwd(), ("feature_repo", "models", "training", "bento_services", "monitoring", "infra")
ours = tuple(f"{root / package}{os.sep}" for package in packages)
found = set()


class Watched(type(os.environ)):
    def __getitem__(self, name):
        look()
        return super().__getitem__(name)

    def __setitem__(self, name, value):
        look()
        super().__setitem__(name, value)

    def __contains__(self, name):
        look()
        return super().__contains__(name)

    def __iter__(self):
        look()
        return super().__iter__()


def look():
    frame = sys._getframe(2)
    while frame.f_code.co_filename.startswith("<frozen "):  # os.getenv, Mapping.get
        frame = frame.f_back
    if not frame.f_code.co_filename.startswith(ours):
        return
    while frame.f_code.co_name != "<module>":
        frame = frame.f_back
    found.add(str(Path(frame.f_code.co_filename).relative_to(root)))


os.environ.__class__ = Watched
warnings.simplefilter("ignore")
for package in packages:
    for path in sorted((root / package).rglob("*.py")):
        before = set(threading.enumerate())
        try:
            importlib.import_module(".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"))
        except ImportError as why:  # of an extra that is not installed
            assert (why.name or "").split(".")[0] not in packages, why
        if set(threading.enumerate()) - before:
            found.add(f"{path.relative_to(root)} starts a thread")
print(*sorted(found), sep="\n")
"""


def test_no_module_asks_the_environment_or_starts_a_thread_when_it_is_imported() -> None:
    command = [sys.executable, "-c", PROGRAM]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=170, check=False)
    assert shown.returncode == 0, shown.stderr[-3000:]
    assert set(shown.stdout.split("\n")[:-1]) == ALLOWED
