"""`marquee package`: a Bento that holds the verified champion release and this code.

    BENTOML_HOME=HOME/bentoml bentoml serve marquee:TAG

The Bento holds the models; viewers' features and the event log are where REDIS_URL, or MARQUEE_HOME, says. Without
either, pages are still served, from the release.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from feature_repo.core.errors import MarqueeError
from feature_repo.core.home import Home
from feature_repo.core.revision import ROOT
from feature_repo.core.settings import BENTOML_HOME, MARQUEE_SPLIT, preset
from models.release.artifact import verify
from models.release.store import champion

PACKAGES = ("feature_repo", "models", "bento_services")
SERVICE = "bento_services.process.home_service:HomeService"


class PackageError(MarqueeError):
    """The Bento could not be built."""


def build(home: Home) -> dict[str, Any]:
    """Build the Bento into BENTOML_HOME (default: HOME/bentoml). Returns its tag, path, release and how to serve it."""
    release = champion(home)
    release_id = verify(release).release_id
    bentoml_home = Path(BENTOML_HOME.get() or home.root / "bentoml")
    BENTOML_HOME.set(str(bentoml_home))
    bentoml_home.mkdir(parents=True, exist_ok=True)
    preset(BENTOML_DO_NOT_TRACK="True")
    # Built as split, so that the Bento lists all three services; when it is served, MARQUEE_SPLIT chooses again.
    MARQUEE_SPLIT.set(True)
    import bentoml  # reads BENTOML_HOME when it is imported

    with tempfile.TemporaryDirectory(prefix="marquee-bento-") as folder:
        context = Path(folder)
        for package in PACKAGES:
            shutil.copytree(ROOT / package, context / package, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(release, context / "release")
        verify(context / "release")
        shutil.copyfile(ROOT / "requirements" / "serve.lock", context / "requirements.txt")
        bento = bentoml.build(
            SERVICE,
            name="marquee",
            version=release_id,
            build_ctx=str(context),
            include=["**/*"],
            python={"requirements_txt": "requirements.txt", "lock_packages": False},
            labels={"release": release_id},
        )
    MARQUEE_SPLIT.unset()
    return {
        "tag": str(bento.tag),
        "path": str(bento.path),
        "release_id": release_id,
        "serve": f"BENTOML_HOME={bentoml_home} MARQUEE_HOME={home.root} bentoml serve {bento.tag}",
    }
