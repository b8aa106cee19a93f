"""The page and its files."""

from __future__ import annotations

import re

import httpx

from bento_services.http.routes.web import STATIC, WEB


async def test_the_page_needs_nothing_from_anywhere_else(http: httpx.AsyncClient) -> None:
    for path in ("/", "/docs", *(f"/static/{name}" for name in STATIC)):
        reply = await http.get(path)
        assert reply.status_code == 200
        assert "https://" not in reply.text
        assert "http://" not in reply.text.replace("http://www.w3.org/2000/svg", "").replace("http%3A", "").replace(
            "'http://www.w3.org", ""
        )
    assert "script-src 'self'" in (await http.get("/")).headers["content-security-policy"]


async def test_every_file_that_a_page_names_is_served_and_every_file_is_named(http: httpx.AsyncClient) -> None:
    named = set()
    for page in ("/", "/docs"):
        named |= set(re.findall(r'(?:src|href)="/static/([^"]+)"', (await http.get(page)).text))
    assert named == set(STATIC)
    assert {path.name for path in WEB.iterdir() if path.suffix != ".html"} == set(STATIC)


async def test_what_a_script_imports_is_fetched_with_the_page(http: httpx.AsyncClient) -> None:
    """Else a browser learns of each file from the one before it."""
    page = (await http.get("/")).text
    early = set(re.findall(r'rel="modulepreload" href="/static/([^"]+)"', page))
    scripts = [(await http.get(f"/static/{name}")).text for name in STATIC if name.endswith(".js")]
    imports = re.compile(r'^import .* from "\./([^"]+)";$', re.MULTILINE)
    imported = {name for script in scripts for name in imports.findall(script)}
    assert imported == early


async def test_the_page_has_one_main_heading_and_nothing_shows_through_its_header(http: httpx.AsyncClient) -> None:
    assert (await http.get("/")).text.count("<h1") == 1
    header = re.search(r"^\.top \{.*$", (await http.get("/static/app.css")).text, re.MULTILINE)
    assert header is not None
    assert re.search(r"background: #[0-9a-f]{6};", header[0])
