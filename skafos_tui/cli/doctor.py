"""`skafos doctor`: what is missing on this machine, and how to get it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import asdict

from skafos_tui.cli.common import add_json
from skafos_tui.cli.errors import FAILED
from skafos_tui.cli.output import Output, clean
from skafos_tui.store.home import find_home


def configure(command: str, parser: ArgumentParser) -> None:
    """The arguments of `doctor`."""
    add_json(parser)
    parser.set_defaults(run=doctor)


def doctor(args: Namespace) -> int:
    """Look at everything; exit 1 where something that is needed is missing."""
    from skafos_tui.machine import look_at_machine

    out = Output()
    checks = look_at_machine(find_home())
    if args.json:
        out.json([asdict(check) for check in checks])
    else:
        for check in checks:
            out.line(
                f"{out.paint(f'{check.mark:<8}', '32' if check.good else '31')}{check.name}: {clean(check.detail)}"
            )
            if not check.good and check.remedy:
                out.line(f"        {clean(check.remedy)}")
    return FAILED if any(check.needed and not check.good for check in checks) else 0
