"""Silent progress takes steps and says nothing."""

import pytest

from feature_repo.core.progress import SILENT


def test_silence_draws_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with SILENT.task("work", total=2) as advance:
        advance(1)
        advance(1)
    assert capsys.readouterr() == ("", "")
