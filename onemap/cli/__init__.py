"""The command line. Workers import this package again, so it loads nothing until a command is run."""

import sys

COMMANDS = {  # in the order in which the help lists them
    "layers": "land",
    "area": "land",
    "init": "land",
    "build": "blueprint",
    "export": "blueprint",
    "prune": "blueprint",
    "map": "present",
    "review": "review",
    "template": "present",
    "check": "review",
    "conflicts": "present",
    "batch": "review",
    "explain": "review",
    "rule": "book",
    "test": "book",
    "serve": "present",
    "demo": "demo",
}


def main() -> None:
    """Run the command line: exit code 0 when the run worked, 2 for bad input."""
    from onemap.cli.run import run

    sys.exit(run())
