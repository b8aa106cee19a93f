"""The ranker: network, attention to the history, trees."""
