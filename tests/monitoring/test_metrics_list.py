"""Every metric is described, and no label can grow."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from monitoring.metrics_list import PROBLEMS, Described, every_metric, renewed, values

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("metric", every_metric(), ids=lambda metric: metric.name)
def test_the_values_of_each_label_come_from_a_set_that_is_declared(metric: Described) -> None:
    assert {*metric.labels} <= values().keys()
    assert all(values()[label] for label in metric.labels)


def test_what_operators_need_is_there() -> None:
    names = {metric.name for metric in every_metric()}
    assert names >= {
        "marquee_stage_seconds",
        "marquee_page_seconds",
        "marquee_page_cache",
        "marquee_breaker_open",
        "marquee_page_queue_seconds",
        "marquee_rungs_abandoned",
        "marquee_stream_lag",
        "marquee_feature_age_seconds",
        "marquee_snapshot_age_seconds",
        "marquee_process_memory_bytes",
        "marquee_process_restarts",
        "marquee_release",
        "marquee_job_status",
    }


def test_every_code_of_an_error_is_listed() -> None:
    """They are values of the label `status`."""
    found = {
        str(node.args[1].value)
        for path in (ROOT / "bento_services").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Problem"
        if len(node.args) > 1 and isinstance(node.args[1], ast.Constant)
    }
    assert found == PROBLEMS


def test_the_table_in_the_docs_is_what_the_code_gives() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    assert page == renewed(page), "run `make docs`"
