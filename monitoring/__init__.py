"""How we know: drift, quality, freshness and skew reports."""
