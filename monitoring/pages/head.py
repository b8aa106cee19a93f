"""How every page of a report begins: light and dark, one measure of text. A format string; `{title}` is the page's."""

HEAD = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
  :root {{ color-scheme: light dark; --page: #f6f6f4; --card: #fff; --ink: #1c1d21; --dim: #62656d; --line: #e2e2de;
           --good: #1a7f4b; --bad: #b3261e; --link: #1d4ed8; --own: #eef2ff; }}
  @media (prefers-color-scheme: dark) {{
    :root {{ --page: #131417; --card: #1d1f24; --ink: #ececec; --dim: #9da1aa; --line: #31343b;
             --good: #5fcf95; --bad: #ff8a80; --link: #93b4ff; --own: #232838; }} }}
  * {{ box-sizing: border-box }}
  body {{ margin: 0 auto; max-width: 74rem; padding: 2.5rem 1.25rem 4rem; background: var(--page); color: var(--ink);
          font: 16px/1.5 system-ui, sans-serif }}
  h1 {{ margin: 0; font-size: 1.9rem; letter-spacing: -.01em }}
  .dim, thead th {{ color: var(--dim); font-size: .875rem; font-weight: 400 }}
  a {{ color: var(--link) }}
"""
