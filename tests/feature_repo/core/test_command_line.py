"""How a command ends: its status, and one line of what went wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from feature_repo.core.settings import child_environment

PROGRAM = """
import sys
from feature_repo.core.command_line import run
from feature_repo.core.errors import DependencyDown, HomeError, MarqueeError, Refused
def app():
    {body}
run(app)
"""


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ("print('done')", 0, ""),
        ("raise HomeError('no world here')", 2, "marquee: no world here\n"),
        ("raise MarqueeError('the gate failed')", 1, "marquee: the gate failed\n"),
        ("raise MarqueeError('two\\nlines')", 1, "marquee: two lines\n"),
        ("raise Refused('a gate')", 3, "marquee: a gate\n"),
        ("raise DependencyDown('no store')", 4, "marquee: no store\n"),
        (
            "raise OSError(28, 'No space left on device', 'lake/x')",
            1,
            "marquee: lake/x: No space left on device; free some space there, then run the same command\n",
        ),
        ("open('no-such-file')", 1, "marquee: no-such-file: No such file or directory\n"),
        ("raise MemoryError", 1, "marquee: out of memory; nothing was finished\n"),
        ("raise KeyboardInterrupt", 130, "marquee: stopped; run the same command to resume\n"),
        ("sys.exit(3)", 3, ""),
        ("sys.exit(130)", 130, "marquee: stopped; run the same command to resume\n"),
        ("import duckdb; duckdb.sql('SELECT 1').fetchall(); sys.exit(4)", 4, ""),
    ],
)
def test_a_command_ends_with_its_status_and_a_sentence(body: str, status: int, said: str) -> None:
    command = [sys.executable, "-c", PROGRAM.format(body=body)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (status, said)


@pytest.mark.parametrize("raised", ["AttributeError('half imported')", "MarqueeError('wrapped by a library')"])
def test_an_interrupt_that_a_library_caught_and_failed_for_is_one_all_the_same(raised: str) -> None:
    body = f"""
    import logging, os, signal, time
    try:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(10)
    except BaseException:
        logging.getLogger("a library").exception("failed")
    raise {raised}
"""
    command = [sys.executable, "-c", PROGRAM.format(body=body)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (130, "marquee: stopped; run the same command to resume\n")


def test_what_no_command_expects_is_one_line_that_names_the_file_of_its_trace(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROGRAM.format(body="{}['lost']")]
    environment = child_environment(TMPDIR=str(tmp_path))
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    (trace,) = tmp_path.iterdir()
    said = "unexpected KeyError: no 'lost'; this is a bug in Marquee, its trace is in"
    assert (done.returncode, done.stderr) == (1, f"marquee: {said} {trace}\n")
    assert "Traceback" in trace.read_text()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_output_that_cannot_be_written_is_one_line_too() -> None:
    command = [sys.executable, "-c", PROGRAM.format(body="print('done')")]
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            command,
            stdout=full,
            stderr=subprocess.PIPE,
            env=child_environment(PYTHONUNBUFFERED=""),
            text=True,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, "marquee: standard output: No space left on device\n")
