"""What may be ranked."""

from __future__ import annotations

import pytest

from bento_services.admission.problem import Problem
from bento_services.feed.surfaces.rank import MOST
from bento_services.verbs.rank import ranked_subject


def test_named_videos_are_the_subject() -> None:
    assert ranked_subject({"video_ids": ["b", "a", "b"]}).video_ids == ("b", "a")


@pytest.mark.parametrize(("sent", "status"), [([], 400), ({}, 422), ({"video_ids": ["v"] * (MOST + 1)}, 422)])
def test_nothing_and_too_much_are_refused(sent: object, status: int) -> None:
    with pytest.raises(Problem) as refused:
        ranked_subject(sent)
    assert refused.value.status == status
