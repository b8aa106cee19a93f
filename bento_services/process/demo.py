"""The end of `marquee demo`: talk to a served home page as one of its viewers."""

from __future__ import annotations

import time

from bento_services.client import Client
from bento_services.feed.page import TOP_PICKS, Item, Page
from bento_services.process.page_table import print_changes, print_page
from bento_services.process.supervisor import running
from feature_repo.core.command_line import wait_for_interrupt
from feature_repo.core.home import Home
from feature_repo.core.terminal import say


def converse(home: Home, http_port: int, grpc_port: int, once: bool) -> None:
    """Serve, ask for one viewer's page, watch something, ask again, and say what changed."""
    viewer = home.world().example_user
    with running(home, http_port=http_port, grpc_port=grpc_port) as ports:
        client = Client(ports.http_url)
        before = client.home(viewer)
        print_page(before.to_json(), explain=True)
        watched = _something_to_watch(before)
        say(f"\n{viewer} watches “{watched.title}” to the end (POST /api/v1/events) …")
        sent_at = time.monotonic()
        receipt = client.send(
            {"user_id": viewer, "item_id": watched.video_id, "event": "watch", "duration_sec": watched.duration}
        )
        after = client.home_after(receipt, viewer)
        print_changes(before.to_json(), after.to_json(), time.monotonic() - sent_at)
        print_page(after.to_json(), explain=True)
        if once:
            return
        say(
            f"\npage      {ports.http_url}/\nAPI       {ports.http_url}/docs\n"
            f"gRPC      {ports.host}:{ports.grpc_port}\n"
            f"reports   {home.reports / 'index.html'}\n"
            f"MLflow    .venv/bin/mlflow ui --backend-store-uri sqlite:///{home.mlflow / 'mlflow.db'}\n"
            "Ctrl-C stops everything."
        )
        wait_for_interrupt()


def _something_to_watch(page: Page) -> Item:
    picks = next((row.items for row in page.rows if row.row_id == TOP_PICKS), page.recommendations)
    return picks[0]
