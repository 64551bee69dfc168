"""New projects from the templates: all of their files, or nothing at all."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from skafos_tui.cli.errors import USAGE, CommandError
from skafos_tui.cli.output import clean

TEMPLATES: Mapping[str, str] = {
    "basic": "one job, to start from",
    "pipeline": "ingest, train, score: three jobs, each after the one before",
    "scheduled": "a measurement every quarter of an hour, and a report every morning",
    "sweep": "four copies of one job share a parameter sweep; another picks the best",
}
"""The templates of `init` and what each is, the default first; the files are in `skafos_tui/templates`."""
DEFAULT_TEMPLATE = "basic"
CONFIG_NAME = "metis.config.yml"

_HOLE = re.compile(r"\{\{(token|name|id:[a-z]+)\}\}")
_DIRECTORY = Path(__file__).resolve().parent.parent / "templates"


def template_files(template: str, name: str) -> dict[str, str]:
    """File name to text of a new project called `name`, with a new token and new ids, the config last."""
    from skafos_tui.config.job_edits import quoted
    from skafos_tui.config.reading import random_id, random_token

    values = {"token": random_token(), "name": quoted(name, None)}

    def filled(hole: re.Match[str]) -> str:
        return values.setdefault(hole.group(1), random_id())

    paths = [path for path in (_DIRECTORY / template).iterdir() if path.is_file()]
    paths.sort(key=lambda path: (path.name == CONFIG_NAME, path.name))
    texts = {path.name: path.read_text(encoding="utf-8") for path in paths}
    texts[CONFIG_NAME] = _HOLE.sub(filled, texts[CONFIG_NAME])
    return texts


def make_directory(target: Path, files: Mapping[str, str]) -> None:
    """Make `target` with these files, complete from the moment it can be seen.

    It may be there if it is empty. CommandError where it is not, or where it can't be made.
    """
    _refuse_taken(target)
    try:
        temporary = Path(tempfile.mkdtemp(prefix=f".{target.name[:40]}.", suffix=".tmp", dir=target.parent))
    except FileNotFoundError:
        raise CommandError(f"{clean(str(target.parent))} is not there: make it first") from None
    except OSError as error:
        raise _unwritable(target, error) from None
    try:
        for name, text in files.items():
            (temporary / name).write_text(text, encoding="utf-8", newline="")
        temporary.chmod(0o777 & ~_umask())
        temporary.rename(target)
    except OSError as error:
        _refuse_taken(target)
        raise _unwritable(target, error) from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def fill_directory(target: Path, files: Mapping[str, str]) -> None:
    """Put these files into a directory that has none of them; CommandError, and nothing new, otherwise."""
    taken = [name for name in files if os.path.lexists(target / name)]
    if taken:
        raise CommandError(
            f"{clean(taken[-1])} is already here and nothing is overwritten: `skafos init NAME` makes a directory"
        )
    made: list[Path] = []
    try:
        for name, text in files.items():
            with (target / name).open("x", encoding="utf-8", newline="") as file:
                made.append(target / name)
                file.write(text)
    except BaseException as error:
        for path in made:
            path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise _unwritable(target, error) from None
        raise


def _refuse_taken(target: Path) -> None:
    empty = target.is_dir() and not target.is_symlink() and not any(_entries(target))
    if os.path.lexists(target) and not empty:
        raise CommandError(
            f"{clean(str(target))} is already there and nothing is overwritten: choose another name,"
            " or `skafos init` inside it"
        )


def _entries(directory: Path) -> Iterator[Path]:
    try:
        yield from directory.iterdir()
    except PermissionError as error:
        raise _unwritable(directory, error) from None


def _unwritable(target: Path, error: OSError) -> CommandError:
    return CommandError(f"{clean(str(target))} can't be made: {error.strerror or error}", USAGE)


def _umask() -> int:
    """This process's file mode mask; reading it means setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
