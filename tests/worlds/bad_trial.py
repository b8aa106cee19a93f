"""What a release may do to the process that loads it, in place of bento_services.process.trial: the real child, limits
and all, without a release that does it."""

from __future__ import annotations

import json
import os
import signal
import sys
import time


def main() -> None:
    if "-m" in sys.argv:
        return
    what = os.environ["BAD_TRIAL"]
    if what == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if what == "hang":
        time.sleep(600)
    if what == "eat":
        eaten = []
        while True:
            eaten.append(bytearray(8 << 20))
    if what == "exit":
        print("something on its output")
        print("its last words", file=sys.stderr)
        sys.exit(7)
    print(json.dumps({"why": "" if what == "answer" else what}))


if __name__ == "__main__":
    main()
