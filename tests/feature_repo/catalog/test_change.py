"""One change of the catalog as a record of the log."""

from __future__ import annotations

import msgspec
import pytest

from feature_repo.catalog.change import VideoChange, decode_change, encode_change

CHANGE = VideoChange(7, "v1", 3, "patch", 1_800_000_000_000_000, "web", {"title": "Été", "genres": ["Drama"]})


def test_a_change_is_the_same_after_the_log() -> None:
    assert decode_change(encode_change(CHANGE)) == CHANGE


@pytest.mark.parametrize("value", [b"", b"null", b"{}", b'{"change_id": "7"}', b"[" * 5000])
def test_anything_else_is_no_change(value: bytes) -> None:
    with pytest.raises((msgspec.MsgspecError, RecursionError)):
        decode_change(value)


def test_an_unknown_action_is_no_change() -> None:
    with pytest.raises(msgspec.ValidationError, match="action"):
        decode_change(encode_change(CHANGE).replace(b'"patch"', b'"patched"'))
