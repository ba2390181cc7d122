"""``forebay serve`` that kills itself at a named point: ``FOREBAY_TEST_KILL_AT=after_rename#3``, the third time.

With ``FOREBAY_TEST_FAR`` (a port and a certificate's file) it reaches a vendor on that port of loopback by its names.

Counted from the first job that was inserted, or from the start for the points before that.
"""

import os
import signal
import ssl
import sys
import threading
from collections import Counter
from functools import partial
from typing import Any

from gateway.app import create_app
from gateway.cli import main
from gateway.commands import serve
from tests.fakes.far_vendor import ways

BEFORE = {"after_given", "before_insert", "after_insert"}


class Death:
    """Called from any thread of the gateway."""

    def __init__(self, wanted: str) -> None:
        self._name, _, count = wanted.partition("#")
        self._count = int(count or 1)
        self._seen: Counter[str] = Counter()
        self._lock = threading.Lock()

    def __call__(self, point: str) -> None:
        with self._lock:
            if not self._seen["after_insert"] and point not in BEFORE:
                return
            self._seen[point] += 1
            if point == self._name and self._seen[point] == self._count:
                os.kill(os.getpid(), signal.SIGKILL)


def far() -> dict[str, Any]:
    """The ways to the vendor."""
    port, _, path = os.environ.get("FOREBAY_TEST_FAR", "").partition(" ")
    if not port:
        return {}
    client, downloads = ways(int(port), ssl.create_default_context(cafile=path))
    return {"cloud": client, "downloads": downloads}


if __name__ == "__main__":
    death = Death(os.environ.get("FOREBAY_TEST_KILL_AT", ""))
    serve.create_app = partial(create_app, reached=death, **far())
    sys.argv = ["forebay", *sys.argv[1:]]
    main()
