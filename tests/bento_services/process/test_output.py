"""What a child writes past its log is told in bursts."""

from __future__ import annotations

import os

from bento_services.process.output import Output


def test_what_is_written_at_once_is_one_record_and_its_end_is_kept() -> None:
    told: list[str] = []
    output = Output(told.append)
    os.write(output.write, b"Traceback\n  one\n")
    os.write(output.write, b"ValueError: broken\xff\n")
    output.given()
    output.wait(10)
    assert told == ["Traceback\n  one\nValueError: broken\ufffd"]
    assert output.end == told[0]
