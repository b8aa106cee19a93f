"""Whether something is a viewer's."""

from __future__ import annotations

import pytest

from feature_repo.people.holder import Subject


@pytest.mark.parametrize(
    ("user_id", "text", "expected"),
    [
        ("u1", b'{"user_id": "u1"}', True),
        ("u1", b'{"user_id": "u12"}', False),
        ("42", b'{"user_id": 42, "video_id": "7"}', True),
        ("42", b'{"user_id": "7", "video_id": "42"}', False),  # a video of the same id
        ("u1", b'{"values": {"user_id": "u1"}}', True),
        ("u1", b'[{"userId": "u1"}]', True),
        ("Zo\u00eb", '{"user_id": "Zo\u00eb"}'.encode(), True),
        ("Zo\u00eb", b'{"user_id": "Zo\\u00eb"}', True),
        ('a"b', b'{"user_id": "a\\"b"}', True),
        ("u1", b'{"user_id": "u1"', True),  # damaged
        ("u1", b"u1 and nothing else", False),
    ],
)
def test_json_says_whose_it_is(user_id: str, text: bytes, expected: bool) -> None:
    assert Subject(user_id).is_named_in(text) is expected
