"""A simulated video service: hidden tastes, a logging policy, exposures by position, and what came of them.

The viewers' side, unknown to every model. A viewer has a taste over genres that drifts, and goes through phases: for a
week or so one topic is what it is about, then another, often the topic that tends to follow (chess after poker, never
poker after chess). Utility of a video = phase + taste + mood left by the last watch + loyalty to the creator + the pull
of the next episode + quality + freshness + language + does its length suit the device. A click needs the utility and
the eye: P(click) = sigmoid(utility - threshold) x examination(position).

So the order of a history tells more than its content: what was watched last names the phase, an old phase is over, and
a series goes on where it stopped. Models that see histories as sets cannot know.

The service's side: a page is drawn from a Plackett-Luce distribution over the videos not yet watched (softmax of
popularity, a weak guess of taste, the topic last watched, the next episode and freshness), so that every exposure has a
true, logged propensity and every video some chance. Some viewers go on to the next episode without a page ("autoplay").

Vectorized over the viewers of a half-day; seeded: one seed and end, one world.
"""

from feature_repo.ingest.simulator.config import SimulatorConfig
from feature_repo.ingest.simulator.world import simulate

__all__ = ["SimulatorConfig", "simulate"]
