"""``python -m tests.film_cases GROUP FOLDER`` in the engine's environment: runs the cases of one module of this folder.

A case is a function ``case_…`` that takes an empty folder. For each, a line of JSON: its name and, if it failed, how.
"""

import importlib
import json
import sys
import traceback
from pathlib import Path

from tests.film_cases import CASE


def main(group: str, folder: Path) -> None:
    module = importlib.import_module(f"tests.film_cases.{group}")
    for name, case in vars(module).items():
        if not name.startswith(CASE):
            continue
        (scratch := folder / name).mkdir()
        failure = ""
        try:
            case(scratch)
        except Exception:
            failure = traceback.format_exc()
        print(json.dumps({"name": name, "failure": failure}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
