"""A simulated video service: hidden tastes, a logging policy, exposures by position, and what came of them.

The viewers' side, unknown to every model. A viewer has a taste over genres that drifts, and goes through phases: for a
week or so they prefer one topic, then another, often the topic that tends to follow (chess after poker, never poker
after chess). Utility of a video = phase + taste + mood left by the last watch + loyalty to the creator + the pull of
the next episode + quality + freshness + language + how well its length suits the device. A click needs utility and
attention: P(click) = sigmoid(utility - threshold) x examination(position).

So the order of a history carries information: the last watch reveals the phase, old phases are over, and a series goes
on where it stopped. Models that treat histories as sets cannot use it.

The service's side: a page is drawn from a Plackett-Luce distribution over the videos not yet watched (softmax of
popularity, a weak guess of taste, the topic last watched, the next episode and freshness), so that every exposure has a
true, logged propensity and every video some chance. Some viewers go on to the next episode without a page ("autoplay").

Vectorized over the viewers of a half-day; seeded: one seed and end, one world.
"""

from feature_repo.ingest.simulator.config import SimulatorConfig
from feature_repo.ingest.simulator.world import simulate

__all__ = ["SimulatorConfig", "simulate"]
