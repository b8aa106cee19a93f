"""All that Marquee keeps in an online store, to be taken away with the world that it is of."""

from __future__ import annotations

from feature_repo.store.connect import Client, answering
from feature_repo.store.layout import PROJECT, entity_key

OWN = (b"marquee:*", entity_key("", "")[:4] + b"*" + PROJECT.encode())  # its own keys, and the rows of entities
AT_ONCE = 5_000


def clear(client: Client) -> None:
    """Delete every key of Marquee's, its event log among them; what others keep in the same database stays.

    Raises StoreDown.
    """
    with answering():
        for pattern in OWN:
            found: list[bytes] = []
            for key in client.scan_iter(match=pattern, count=AT_ONCE):
                found.append(key)
                if len(found) == AT_ONCE:
                    client.unlink(*found)
                    found.clear()
            if found:
                client.unlink(*found)
