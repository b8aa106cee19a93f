"""The verbs of API keys. A service that runs follows what they change within a second."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from feature_repo.core.options import HomeOption, JsonOption, existing
from feature_repo.core.terminal import note, print_table, say, show

app = typer.Typer(no_args_is_help=True, help="API keys of a home: without any, only this machine is answered.")

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_MOST = timedelta(days=3660)


def duration(text: str) -> timedelta:
    """`90d`, `12h`, `30m` or `45s`."""
    found = re.fullmatch(r"([1-9][0-9]{0,8})([smhd])", text)
    span = timedelta(seconds=int(found[1]) * _UNITS[found[2]]) if found else _MOST * 2
    if span > _MOST:
        raise typer.BadParameter(f"expected a time of up to ten years such as 45s, 30m, 12h or 90d, found {text!r}")
    return span


Name = Annotated[str, typer.Argument(help="The key's name.")]


@app.command("create", epilog="Example:  marquee keys create web --scope serve --scope events --expires 90d")
def create(
    name: Annotated[str, typer.Argument(help="Who it is for.")],
    scope: Annotated[
        list[str], typer.Option(help="serve, events, catalog, metrics or admin; may be given several times.")
    ],
    viewer: Annotated[
        str,
        typer.Option(help="For whom it may act: any viewer, the one of a viewer token signed with it, or none."),
    ] = "any",
    expires: Annotated[
        timedelta | None, typer.Option(parser=duration, metavar="TIME", help="Ends after 90d, 12h, 30m or 45s.")
    ] = None,
    home: HomeOption = None,
) -> None:
    """Make a key and print it, once: the home holds its hash only. From now on a key is needed."""
    from bento_services.admission.key_file import create_key

    until = None if expires is None else datetime.now(UTC) + expires
    say(create_key(existing(home, to_write=True), name, scope, viewer, until))  # type: ignore[arg-type]  # it refuses unknown rules


@app.command("list")
def show_all(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Names, scopes and times of the keys; the keys themselves are not stored."""
    from bento_services.admission.key_ring import last_used
    from bento_services.admission.keys import Keys, Unsafe

    opened = existing(home)
    keys, used = Keys.of(opened), last_used(opened)
    if keys.closed:
        raise Unsafe(keys.closed)
    rows = [
        {
            "name": key.name,
            "id": key.key_id,
            "scopes": list(key.scopes),
            "viewer": key.viewers,
            "created": _shown(key.created),
            "last_used": _shown(used.get(key.key_id)),
            "expires": _shown(key.expires),
        }
        for key in keys
    ]
    show({"keys": rows}, as_json, table=lambda shown: print_table("API keys", shown["keys"]))


@app.command("rotate", epilog="Example:  marquee keys rotate web --overlap 24h")
def rotate(
    name: Name,
    overlap: Annotated[
        timedelta | None,
        typer.Option(parser=duration, metavar="TIME", help="For so long the old secret stays good (none)."),
    ] = None,
    home: HomeOption = None,
) -> None:
    """Give a key a new secret and print it, once. Scopes, viewers and lifetime stay."""
    from bento_services.admission.key_file import rotate_key

    say(rotate_key(existing(home, to_write=True), name, overlap or timedelta()))


@app.command("revoke")
def revoke(
    name: Annotated[str | None, typer.Argument(help="The key's name.", show_default=False)] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All keys: the home needs none any more, once it is served again.")
    ] = False,
    home: HomeOption = None,
) -> None:
    """Take a key away. Without any key left nobody is admitted; --all goes back to answering this machine only."""
    from bento_services.admission import key_file

    if everything == (name is not None):
        raise typer.BadParameter("give either a NAME or --all", param_hint="NAME")
    if everything:
        key_file.revoke_all(existing(home, to_write=True))
        note("marquee: note: a service that runs goes on to need keys until it is started again")
    else:
        key_file.revoke_key(existing(home, to_write=True), str(name))


@app.command("token", epilog="Example:  marquee keys token app --viewer u00042 --ttl 1h")
def token(
    name: Annotated[str, typer.Argument(help="The key that signs: made with --viewer token.")],
    viewer: Annotated[str, typer.Option(help="The viewer for whom the token is.")],
    ttl: Annotated[
        timedelta | None, typer.Option(parser=duration, metavar="TIME", help="It ends after so long (1h).")
    ] = None,
    home: HomeOption = None,
) -> None:
    """Sign a viewer token and print it. A product does the same by itself (bento_services.client.viewer_token)."""
    from bento_services.admission.key_file import token_of

    say(token_of(existing(home), name, viewer, ttl or timedelta(hours=1)))


def _shown(moment: Any) -> str:
    return "" if moment is None else moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
