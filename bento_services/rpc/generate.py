"""`make proto`: regenerates the code from marquee.proto. Needs grpcio-tools, which serving does not.

python -m bento_services.rpc.generate [FOLDER]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROTO = "bento_services/rpc/marquee.proto"
GENERATED = Path(__file__).parent / "generated"


def generate(folder: Path = GENERATED) -> list[Path]:
    """Write marquee_pb2.py and marquee_pb2_grpc.py into a folder. protoc writes
    and imports them beside the proto; ours are in the folder `generated`."""
    from grpc_tools import protoc

    with tempfile.TemporaryDirectory(prefix="marquee-proto-") as scratch:
        command = ["protoc", f"--proto_path={ROOT}", f"--python_out={scratch}", f"--grpc_python_out={scratch}", PROTO]
        if protoc.main(command):
            raise SystemExit(f"protoc could not read {PROTO}")
        written = []
        for source in sorted((Path(scratch) / PROTO).parent.glob("*.py")):
            target = folder / source.name
            target.write_text(
                source.read_text().replace("from bento_services.rpc import", "from bento_services.rpc.generated import")
            )
            written.append(target)
    return written


if __name__ == "__main__":
    for path in generate(*(Path(folder) for folder in sys.argv[1:])):
        print(path)
