"""A choice written into a policy file."""

import tomllib

from models.page.policy_file import POLICY
from training.judge.protocols.frontier_points import Point
from training.judge.protocols.policy_spread import with_spread


def test_a_policy_changes_in_its_spread_alone() -> None:
    before = tomllib.loads(POLICY.read_text())
    after = tomllib.loads(with_spread(POLICY.read_text(), Point("dpp", 0.65, 0.06)))
    assert after.pop("spread") == {"method": "dpp", "relevance": 0.65}
    assert before.pop("spread")
    assert after == before
