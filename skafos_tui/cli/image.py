"""`skafos image bootstrap`: a base image made from this machine's own packages, where none can be pulled."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from skafos_tui.api.client import EngineClient
from skafos_tui.cli.common import engine_client, refusals
from skafos_tui.cli.errors import FAILED, CommandError
from skafos_tui.cli.output import Output, clean
from skafos_tui.store.home import find_home


def configure(command: str, parser: ArgumentParser) -> None:
    """The arguments of `image`."""
    actions = parser.add_subparsers(metavar="ACTION", title="actions", required=True)
    text = "make the base image from the packages of this Debian or Ubuntu (as root); nothing where it is there"
    action = actions.add_parser("bootstrap", help=text, description=text)
    action.set_defaults(run=bootstrap)


def bootstrap(args: Namespace) -> int:
    """Make the base image, or find it."""
    out = Output()
    out.line(f"base image: {make_base_image(engine_client(find_home()), out)}")
    return 0


def make_base_image(engine: EngineClient, out: Output) -> str:
    """Make the base image, its steps shown as they come; its tag. Raises CommandError."""
    image = ""
    with refusals():
        for item in engine.image_bootstrap():
            if "image" in item:
                image = str(item["image"])
            elif out.terminal:
                out.progress(f"base image: {clean(str(item.get('line', '')))}")
            else:
                out.line(f"base image | {clean(str(item.get('line', '')))}")
                out.flush()
    out.clear_progress()
    if not image:
        raise CommandError(
            "the engine ended before the base image was made: `skafos engine status`, then again", FAILED
        )
    return image
