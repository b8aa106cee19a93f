"""A module's hash follows what its code and the code it imports do, and nothing else."""

from pathlib import Path

import pytest

from feature_repo.core import code_hash
from feature_repo.core.code_hash import code_of


def test_code_is_told_by_what_it_does_wherever_it_lies_among_the_imports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(code_hash, "ROOT", tmp_path)
    for name, text in {"a": "from models import b\n", "b": "X = 1\n", "c": "Y = 1\n"}.items():
        (tmp_path / "models").mkdir(exist_ok=True)
        (tmp_path / "models" / f"{name}.py").write_text(text)

    def now() -> str:
        code_of.cache_clear()
        return code_of("models.a")

    before = now()
    (tmp_path / "models" / "c.py").write_text("Y = 2\n")  # nobody imports it
    (tmp_path / "models" / "b.py").write_text('"""What b is."""\nX = 1  # one\n')
    assert now() == before
    (tmp_path / "models" / "b.py").write_text("X = 2\n")
    assert now() != before
    code_of.cache_clear()


def test_modules_may_import_each_other_and_libraries_do_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(code_hash, "ROOT", tmp_path)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "__init__.py").write_text("")
    (tmp_path / "models" / "a.py").write_text("import numpy\nfrom models import b\n")
    (tmp_path / "models" / "b.py").write_text("import models.a\n")
    code_of.cache_clear()
    assert len(code_of("models.a")) == 64
    assert code_of("numpy") == code_of("no.such.module")
    code_of.cache_clear()
