"""What is sent about viewers, for the document."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct


class ConsentIn(Struct, frozen=True, forbid_unknown_fields=True):
    personal_pages: Annotated[bool, Meta(description="false: the viewer is erased, and nothing is kept.")]
