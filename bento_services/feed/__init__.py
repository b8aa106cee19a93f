"""The feed: sources, hydrators, filters, scorers, rerankers, page. Independent of BentoML."""
