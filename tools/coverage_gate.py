"""Holds coverage: 70 % a file, 81 % a package, 86 % in all, branches included. Prints what falls short."""

import json
import sys
from collections import defaultdict
from pathlib import Path

FILE, PACKAGE, TOTAL = 70.0, 81.0, 86.0


def percent(summary: dict[str, float]) -> float:
    possible = summary["num_statements"] + summary.get("num_branches", 0)
    hit = summary["covered_lines"] + summary.get("covered_branches", 0)
    return 100.0 if not possible else 100.0 * hit / possible


def main(path: str, *unreachable: str) -> int:
    """``unreachable`` are the beginnings of paths that this machine cannot run."""
    report = json.loads(Path(path).read_text("utf-8"))
    packages: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    short: list[str] = []
    totals: dict[str, float] = defaultdict(float)
    for name, found in sorted(report["files"].items()):
        if name.startswith(unreachable):
            continue
        summary = found["summary"]
        if percent(summary) < FILE:
            short.append(f"  {percent(summary):5.1f} % < {FILE:.0f} %  {name}")
        for key in ("num_statements", "covered_lines", "num_branches", "covered_branches"):
            packages[str(Path(name).parent)][key] += summary.get(key, 0)
            totals[key] += summary.get(key, 0)
    for name, summary in sorted(packages.items()):
        if percent(summary) < PACKAGE:
            short.append(f"  {percent(summary):5.1f} % < {PACKAGE:.0f} %  {name}/")
    total = percent(totals)
    if total < TOTAL:
        short.append(f"  {total:5.1f} % < {TOTAL:.0f} %  in all")
    print(f"coverage {total:.1f} % of {len(report['files'])} files")
    if short:
        print("coverage gate:", *short, sep="\n")
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
