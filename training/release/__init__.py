"""From candidate models to a champion: evaluation, composition, gates, promotion."""
