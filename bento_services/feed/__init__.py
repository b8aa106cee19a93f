"""A request, top to bottom: sources, hydrators, filters, scorers, rerankers, page. No BentoML here."""
