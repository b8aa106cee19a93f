"""From candidate models to a champion: evaluated, composed, gated, promoted."""
