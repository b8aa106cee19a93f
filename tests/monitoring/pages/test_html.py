"""What all pages share: a head that loads nothing, and tables whose cells are text."""

from monitoring.pages.html import definitions, details, page, row, table


def test_a_page_loads_nothing_and_knows_light_and_dark() -> None:
    shown = page("A <title>", "p { margin: 0 }\n", "<p>body</p>\n")
    assert shown.startswith('<!doctype html>\n<html lang="en">')
    assert shown.endswith("p { margin: 0 }\n</style>\n<p>body</p>\n</html>\n")
    assert "<title>A &lt;title&gt;</title>" in shown
    assert "prefers-color-scheme: dark" in shown
    assert "http" not in shown


def test_names_and_cells_are_text() -> None:
    shown = table(("<i>",), [row("<b>", "&", "1")])
    assert shown == (
        '<table><thead><tr><th scope="col">&lt;i&gt;</th></tr></thead>'
        '<tbody><tr><th scope="row">&lt;b&gt;</th><td>&amp;</td><td>1</td></tr></tbody></table>'
    )
    assert definitions([("<", ">")]) == "<dl><dt>&lt;</dt><dd>&gt;</dd></dl>"
    assert details("<", "<p>") == "<details><summary>&lt;</summary><p></details>"
