"""What is done about viewers may take longer than a page."""

from __future__ import annotations

from bento_services.calls import people


def test_each_verb_has_its_address() -> None:
    asked = people.consent("a/b", False)
    assert (asked.method, asked.path) == ("PUT", "/api/v1/viewers/a%2Fb/consent")
    assert asked.body == {"personal_pages": False}
    assert people.erase_viewer("u").method == "DELETE"
    assert people.export_viewer("u").path == "/api/v1/viewers/u/export"
    assert people.viewers(3).params == {"limit": 3}
    assert people.status().path == "/api/v1/status"


def test_only_what_reads_tables_has_more_time() -> None:
    assert people.erase_viewer("u").seconds == people.export_viewer("u").seconds == people.SECONDS
    assert people.consent("u", True).seconds == people.SECONDS
    assert people.viewer("u").seconds is None
