"""The worker runs the handler beside the others: it reads the whole log in a group of its own, each record once."""

import tempfile
import threading
from pathlib import Path

from worlds import live

from feature_repo.core.home import Home
from feature_repo.schema import WATCH_EVENTS
from feature_repo.store.connect import connect
from feature_repo.stream.handlers.count_devices import BY_DEVICE
from feature_repo.stream.log.open import open_event_log
from feature_repo.stream.worker import work

with tempfile.TemporaryDirectory() as folder, live.valkey(Path(folder) / "valkey") as url:
    home = Home(Path(folder))
    home.write_world(live.WORLD)
    store, log = connect(url, 5.0), open_event_log(url)
    live.publish(store)
    devices = ["tv", "mobile", "tv", ""]
    log.append(WATCH_EVENTS, live.items(*(live.event(n, device=device) for n, device in enumerate(devices))))
    stopping = threading.Event()
    worker = threading.Thread(target=work, args=(home, url, None, stopping))
    worker.start()
    try:
        expected = {b"tv": b"2", b"mobile": b"1", b"unknown": b"1"}
        live.eventually(lambda: store.hgetall(BY_DEVICE) == expected, seconds=30)
    finally:
        stopping.set()
        worker.join()
    print("events by device:", {name.decode(): int(count) for name, count in store.hgetall(BY_DEVICE).items()})
    log.close()
    store.close()
