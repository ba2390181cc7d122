"""Lets coverage measure a worker in an environment that has no coverage of its own. On the path of tests' workers only.

``FOREBAY_TEST_COVERAGE_SITE`` is the folder that coverage lies in; it comes last: the environment's own packages win.
"""

import os
import sys
from typing import NoReturn

if os.environ.get("COVERAGE_PROCESS_START") and os.environ.get("FOREBAY_TEST_COVERAGE_SITE"):
    sys.path.append(os.environ["FOREBAY_TEST_COVERAGE_SITE"])
    import coverage

    measured = coverage.process_startup()
    leave = os._exit

    def leave_measured(status: int) -> NoReturn:
        """A worker leaves without the interpreter's farewell, where coverage would write."""
        if measured is not None:
            measured.stop()
            measured.save()
        leave(status)

    os._exit = leave_measured
