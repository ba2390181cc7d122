"""The command line of the fake engine. Standard library only."""

import argparse


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--socket", required=True)
    parser.add_argument("--model", default="fake")
    parser.add_argument("--context", type=int, default=8192)
    parser.add_argument("--load-delay", type=float, default=0.0)
    parser.add_argument("--hold-load", action="store_true", help="503 until POST /fake/ready")
    parser.add_argument("--never-ready", action="store_true")
    parser.add_argument("--exit-at-load", type=int)
    parser.add_argument("--kill-at-load", action="store_true", help="what the kernel's out-of-memory killer does")
    parser.add_argument("--load-message", help="a line on standard error")
    parser.add_argument("--allocate-mb", type=int, default=0)
    parser.add_argument("--logs-mb", type=int, default=0, help="print this much at load")
    parser.add_argument("--ignore-term", action="store_true")
    parser.add_argument("--grandchild", choices=("group", "session"), help="start one, in our group or in its own")
    parser.add_argument("--pid-file", help="write 'our pid, grandchild pid' here, in JSON")
    return parser.parse_args()
