"""Monitoring: drift, recommendation quality and diversity, and a page for each release."""
