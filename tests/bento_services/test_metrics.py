"""What an operator's Prometheus reads, under names that dashboards rely on."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from bento_services import metrics

NAMES = {
    "marquee_requests": ("protocol", "route", "status"),
    "marquee_request_seconds": ("protocol", "route"),
    "marquee_stage_seconds": ("stage",),
    "marquee_page_seconds": ("surface", "speed"),
    "marquee_breaker_open": ("breaker",),
    "marquee_breaker_opened": ("breaker",),
    "marquee_store_memory_bytes": (),
    "marquee_feature_age_seconds": ("tier",),
    "marquee_pages": ("surface", "served_by"),
    "marquee_pages_empty": (),
    "marquee_events_accepted": ("event",),
    "marquee_events_refused": ("why",),
    "marquee_event_visible_seconds": (),
    "marquee_pages_in_flight": (),
    "marquee_catalog_changes": ("action",),
    "marquee_rule_changes": ("action",),
    "marquee_dead_letters": ("topic",),
    "marquee_lake_rows_rejected": ("table", "field"),
    "marquee_watches_suspicious": (),
    "marquee_events_doubted": (),
    "marquee_viewers_tagged": ("reason",),
    "marquee_pages_unlogged": (),
    "marquee_shed": ("surface",),
    "marquee_page_cache": ("result",),
    "marquee_made_lists": ("list", "result"),
    "marquee_lists_made": ("list",),
    "marquee_shared_pages": ("result",),
    "marquee_recommendations": ("watches", "popular"),
    "marquee_pages_quick": ("why",),
    "marquee_rate_leases": ("from",),
    "marquee_rate_limited": ("class", "limit"),
    "marquee_page_queue_seconds": (),
    "marquee_full_pages_limit": (),
    "marquee_rungs_abandoned": ("rung",),
    "marquee_request_log_lines_lost": (),
    "marquee_release": ("release_id",),
    "marquee_releases_refused": (),
    "marquee_retrieval_recall": ("index",),
    "marquee_snapshot_age_seconds": (),
}


def test_a_release_that_answers_no_more_is_none_of_the_metrics() -> None:
    metrics.answers_with("r-1")
    metrics.answers_with("r-2")
    shown = [line for line in metrics.exposition().decode().splitlines() if line.startswith("marquee_release{")]
    assert shown == ['marquee_release{process="service",release_id="r-2"} 1.0']


def test_the_metrics_have_the_names_and_labels_that_dashboards_rely_on() -> None:
    shown = {family.name for family in text_string_to_metric_families(metrics.exposition().decode())}
    assert {name for name in shown if name.startswith("marquee_")} >= set(NAMES)
    declared = {metric._name: metric._labelnames for metric in vars(metrics).values() if hasattr(metric, "_labelnames")}
    assert declared == NAMES
