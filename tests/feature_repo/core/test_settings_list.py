from dataclasses import dataclass
from pathlib import Path

from feature_repo.core.settings import Section
from feature_repo.core.settings_list import BEGIN, END, comments, only, renewed, settings, unit_of


@dataclass(frozen=True)
class Patience:
    wait_seconds: float = 1.5  # for an answer | at most
    # Not a comment behind a field.
    tries: int = 3


@dataclass(frozen=True)
class Database:
    url: str = ""


def test_a_field_is_explained_by_the_comment_behind_it() -> None:
    assert comments(Patience) == {"wait_seconds": "for an answer | at most"}


def test_a_unit_is_the_end_of_a_name() -> None:
    assert [unit_of(key) for key in ("stream.flush_seconds", "feed.deadline_ms", "feed.rows.length")] == ["s", "ms", ""]


def test_only_the_rows_of_a_table_or_the_one_of_a_key_are_chosen() -> None:
    rows = [{"key": key} for key in ("feed.rows.length", "feed.rows_limit", "feed.rows")]
    assert only(rows, "feed.rows") == [{"key": "feed.rows.length"}, {"key": "feed.rows"}]


def test_renewing_a_page_replaces_what_is_between_the_marks_and_nothing_else() -> None:
    section = Section("store", Patience, "tests")
    page = renewed(f"before\n{BEGIN}\nold\n{END}\nafter\n", (section,))
    assert page.startswith("before\n")
    assert page.endswith(f"{END}\nafter\n")
    assert "\nold\n" not in page
    assert "| `wait_seconds` | `1.5` | s | for an answer \\| at most |" in page
    assert renewed(page, (section,)) == page


def test_a_password_in_a_url_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "marquee.toml").write_text('[store]\nurl = "postgresql://marquee:secret@db/catalog"\n')
    (row,) = [row for row in settings((Section("store", Database, "tests"),), tmp_path) if row["key"] == "store.url"]
    assert row["value"] == "postgresql://marquee:***@db/catalog"
