"""Whatever is sent to the API, what comes back is in the document, and what the document allows is taken."""

from __future__ import annotations

from pathlib import Path

import pytest
from fuzz.api import fuzz
from worlds.untrained import untrained_home


@pytest.mark.timeout(3600)
@pytest.mark.filterwarnings("ignore")  # those of the fuzzer's own
def test_the_api_does_what_its_document_says(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    cases = request.config.getoption("--fuzz-cases", default=500)
    seed = request.config.getoption("--fuzz-seed", default=1)
    found = fuzz(untrained_home(tmp_path / "home"), cases, seed)
    print(f"{found.cases} requests of the seed {seed}, {found.wrong.total()} failures")
    assert found.cases >= cases
    assert not found.wrong, "\n\n".join(f"{count} × {what}" for what, count in found.wrong.most_common(10))
