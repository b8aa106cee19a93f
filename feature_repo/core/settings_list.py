"""All settings with value, unit and origin, for `marquee config show` and docs/operations.md."""

from __future__ import annotations

import inspect
import io
import re
import tokenize
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from feature_repo.core.settings import (
    DEFAULT,
    LIBRARY_DEFAULTS,
    MARQUEE_HOME,
    OPTION,
    VARIABLES,
    Section,
    explain,
    leaves,
    variable_of,
)

UNITS = {"seconds": "s", "ms": "ms", "bytes": "bytes", "days": "days", "minutes": "min", "per_day": "per day"}
BEGIN, END = "<!-- settings: made by `make docs` -->", "<!-- end of settings -->"

Row = dict[str, Any]


def settings(sections: Sequence[Section[Any]], root: Path) -> list[Row]:
    """The effective settings of a home, each with its origin. Raises SettingsError for any error in its file."""
    return [*_variables(root), *(row for section in sections for row in _rows(section, root))]


def only(rows: Sequence[Row], key: str) -> list[Row]:
    """The row of one setting, or the rows of one table."""
    return [row for row in rows if row["key"] == key or row["key"].startswith(f"{key}.")]


def markdown(sections: Sequence[Section[Any]]) -> str:
    """All settings as Markdown tables, with the defaults of a home without a world."""
    lines = ["### Environment variables", "", "| variable | default | read by | meaning |", "|---|---|---|---|"]
    lines += [f"| `{v.name}` | {_code(v.default)} | {v.read_by} | {_cell(v.what)} |" for v in VARIABLES]
    lines += ["", "Library defaults, unless already set:", ""]
    lines += [f"- `{name}`: {why}" for name, why in LIBRARY_DEFAULTS.items()]
    for section in sections:
        lines += ["", f"### `[{section.name}]` — {section.read_by}", ""]
        lines += ["| key | default | unit | meaning |", "|---|---|---|---|"]
        for key, value, (owner, name) in leaves(section.config(), section.name):
            short = key.removeprefix(f"{section.name}.")
            lines.append(f"| `{short}` | {_code(value)} | {unit_of(key)} | {_cell(comments(owner).get(name, ''))} |")
    return "\n".join(lines) + "\n"


def renewed(page: str, sections: Sequence[Section[Any]]) -> str:
    """A page with the tables between its two markers regenerated."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{markdown(sections)}\n{END}{after}"


def unit_of(key: str) -> str:
    name = key.rpartition(".")[2]
    return next((unit for suffix, unit in UNITS.items() if name.endswith(suffix)), "")


@cache
def comments(owner: type) -> Mapping[str, str]:
    """Field name -> the trailing comment of the field in the dataclass's source, which explains the setting."""
    found: dict[str, str] = {}
    name = ""
    for token in tokenize.generate_tokens(io.StringIO(inspect.getsource(owner)).readline):
        if token.type == tokenize.NAME and token.line.startswith("    ") and token.start[1] == 4:
            name = token.string
        elif token.type == tokenize.COMMENT and token.start[1] > 4 and name not in found:
            found[name] = token.string.lstrip("# ")
    return found


def _variables(root: Path) -> Iterator[Row]:
    for variable in VARIABLES:
        value = variable.get()
        origin = DEFAULT if value == variable.default else "environment"
        if variable is MARQUEE_HOME and Path(value).expanduser().resolve() != root:
            value, origin = str(root), OPTION
        yield {
            "key": variable.name,
            "value": "(secret)" if variable.secret and value else value,
            "unit": "",
            "origin": origin,
            "variable": variable.name,
        }


def _rows(section: Section[Any], root: Path) -> Iterator[Row]:
    for setting in explain(section, root):
        by_environment = setting.origin == setting.variable
        yield {
            "key": setting.key,
            "value": _without_password(setting.value),
            "unit": unit_of(setting.key),
            "origin": f"environment {setting.origin}" if by_environment else setting.origin,
            "variable": variable_of(setting.key),
        }


def _without_password(value: Any) -> Any:
    return re.sub(r"(://[^/@]*:)[^@]*@", r"\1***@", value) if isinstance(value, str) else value


def _code(value: Any) -> str:
    if value is None or value == "":
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
