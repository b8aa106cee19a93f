"""Answers by idempotency key: the store and the shipped double promise the same."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from feature_repo.store.connect import StoreDown, connect
from feature_repo.store.idempotency import ANSWER, ANSWER_SECONDS, BODY, Answered, Answers, MemoryAnswers, ValkeyAnswers


@pytest.fixture(params=["memory", "valkey"])
def answers(request: pytest.FixtureRequest, url: str) -> Iterator[Answers]:
    if request.param == "memory":
        yield MemoryAnswers()
        return
    client = connect(url, 5.0)
    client.flushdb()
    yield ValkeyAnswers(client)
    client.close()


def test_the_first_request_of_a_key_is_nobodys_second(answers: Answers) -> None:
    assert answers.begin("k", "body") is None
    assert answers.begin("another", "body") is None


def test_a_request_under_way_is_known_without_an_answer(answers: Answers) -> None:
    answers.begin("k", "body")
    assert answers.begin("k", "another body") == Answered("body", None)


def test_a_finished_request_is_answered_the_same_again(answers: Answers) -> None:
    answers.begin("k", "body")
    answers.finish("k", "body", b'{"accepted": 1,\n "receipt": "1-0"}')  # an answer may hold line ends
    for _ in range(2):
        assert answers.begin("k", "body") == Answered("body", b'{"accepted": 1,\n "receipt": "1-0"}')


def test_an_answer_is_kept_for_a_day(url: str) -> None:
    client = connect(url, 5.0)
    client.flushdb()
    answers = ValkeyAnswers(client)
    answers.begin("k", "body")
    assert ANSWER_SECONDS - 5 <= client.ttl(ANSWER + "k") <= ANSWER_SECONDS == 86_400
    answers.finish("k", "body", b"{}")
    assert ANSWER_SECONDS - 5 <= client.ttl(ANSWER + "k") <= ANSWER_SECONDS
    client.close()


def test_a_store_that_is_away_is_named_so() -> None:
    down = MemoryAnswers()
    down.down = True
    for answers in (down, ValkeyAnswers(connect("redis://127.0.0.1:1"))):
        with pytest.raises(StoreDown):
            answers.begin("k", "body")
        with pytest.raises(StoreDown):
            answers.finish("k", "body", b"{}")


def test_an_id_is_of_the_body_that_claimed_it_first(answers: Answers) -> None:
    assert answers.claim({"e1": "body", "e2": "body"}) == set()
    assert answers.claim({"e1": "body"}) == set()
    assert answers.claim({"e3": "body", "e1": "another"}) == {"e1"}
    assert answers.claim({"e3": "another"}) == set()  # a refused request keeps nothing


def test_a_claim_is_kept_for_a_day(url: str) -> None:
    client = connect(url, 5.0)
    ValkeyAnswers(client).claim({"e": "body"})
    assert ANSWER_SECONDS - 5 <= client.ttl(BODY + "e") <= ANSWER_SECONDS
    client.close()
