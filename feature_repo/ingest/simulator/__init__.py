"""A simulated video service: hidden tastes, a logging policy, position-dependent exposures, and their outcomes.

Viewers, hidden from every model: a viewer has a drifting taste over genres, and goes through phases of about a week in
which they prefer one topic; the next topic is often the one that tends to follow (chess after poker, never poker after
chess). Utility of a video = phase + taste + mood after the last watch + loyalty to the creator + next episode + quality
+ freshness + language + fit of duration and device. P(click) = sigmoid(utility - threshold) x examination(position).

So the order of a history is informative: the last watch reveals the phase, old phases are over, and a series continues
where it stopped. Models that treat histories as sets cannot use this.

The service: a page is drawn from a Plackett-Luce distribution over unwatched videos (softmax of popularity, a weak
guess of taste, the topic last watched, the next episode and freshness), so that every exposure has a true, logged
propensity, and every video some chance. Some viewers continue with the next episode without a page ("autoplay").

Vectorized over the viewers of a half-day. Seed and end determine the world.
"""
