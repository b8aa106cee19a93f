"""A viewer token says one viewer, one key and one end, and no byte of it can be changed."""

from __future__ import annotations

import hashlib
import hmac
import time
from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bento_services.viewer_tokens import key_id_of, read_token, signing_secret, viewer_token

KEY = "mq_a-key-that-nobody-has"
SECRET = signing_secret(KEY)


@given(st.text(min_size=1, max_size=64))
def test_a_token_says_its_viewer_its_end_and_its_key(viewer: str) -> None:
    try:
        viewer.encode()
    except UnicodeEncodeError:
        return
    token = read_token(viewer_token(KEY, viewer, 60))
    assert token is not None
    assert token.is_signed_with(SECRET)
    assert (token.viewer_id, token.key_id) == (viewer, key_id_of(hashlib.sha256(KEY.encode()).hexdigest()))
    assert 50 < token.expires - time.time() <= 60


def test_the_documented_recipe_makes_the_same_token() -> None:
    def encoded(raw: bytes) -> str:
        return urlsafe_b64encode(raw).decode().rstrip("=")

    made = viewer_token(KEY, "Zoë")
    secret = hmac.new(KEY.encode(), b"marquee viewer token", hashlib.sha256).digest()
    said = f"mv_{hashlib.sha256(KEY.encode()).hexdigest()[:12]}.{made.split('.')[1]}.{encoded('Zoë'.encode())}"
    assert made == f"{said}.{encoded(hmac.new(secret, said.encode(), hashlib.sha256).digest())}"


@given(st.data())
def test_a_changed_character_is_no_token_or_not_signed(data: st.DataObject) -> None:
    made = viewer_token(KEY, "u00042")
    at = data.draw(st.integers(0, len(made) - 1))
    changed = made[:at] + data.draw(st.sampled_from("abXY019_.-é")) + made[at + 1 :]
    token = read_token(changed)
    # The last character of a base64 text has bits that mean nothing.
    assert changed == made or token is None or at == len(made) - 1 or not token.is_signed_with(SECRET)


@given(st.text(max_size=100))
def test_whatever_is_no_token_is_none(text: str) -> None:
    assert read_token(text) is None
    assert read_token("mv_" + text) is None


@pytest.mark.parametrize("token", ["mv_a.1.dQ.eA" + "A" * 2000, "mv_a.-1.dQ.eA", "mv_a.1e9.dQ.eA", "mv_a.²." + "dQ.eA"])
def test_a_number_that_is_none_and_a_token_without_end_are_none(token: str) -> None:
    assert read_token(token) is None
