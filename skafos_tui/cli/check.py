"""`skafos validate` and `skafos schema`: the config checked, fixed, described."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, Any

from skafos_tui.cli.errors import FAILED, USAGE, CommandError
from skafos_tui.cli.output import Output, clean, remark

if TYPE_CHECKING:
    from skafos_tui.config.reader import ReadResult
    from skafos_tui.model.diagnostic import Diagnostic

_STYLES = {"error": "31", "warning": "33", "info": "36"}


def configure(command: str, parser: argparse.ArgumentParser) -> None:
    """The arguments of `validate` or `schema`."""
    if command == "schema":
        parser.set_defaults(run=run_schema)
        return
    parser.add_argument("path", metavar="PATH", nargs="?", help="a config or its directory (default: this project)")
    parser.add_argument("--strict", action="store_true", help="fail on warnings, too")
    parser.add_argument("--fix", action="store_true", help="take every fix that keeps the meaning, then check again")
    parser.add_argument("--json", action="store_true", help="machine-readable")
    parser.set_defaults(run=run_validate)


def run_schema(args: argparse.Namespace) -> int:
    """Print the JSON Schema of the config."""
    from skafos_tui.config.schema import schema

    Output().json(schema())
    return 0


def run_validate(args: argparse.Namespace) -> int:
    """Print the findings; the exit code says whether there are errors (`--strict`: or warnings)."""
    path = _config_path(args)
    result = _read(path)
    taken = 0
    if args.fix:
        result, taken = _fix(path, result)
    if args.json:
        Output().json([_as_json(item, path) for item in result.diagnostics])
    else:
        _print(result, _shown(path))
        _close(result.diagnostics, taken, fixing=args.fix)
    return _exit_code(result.diagnostics, strict=args.strict)


def _config_path(args: argparse.Namespace) -> str:
    """The file that is meant by PATH, `--project` or the working directory."""
    from skafos_tui.config.reader import CONFIG_NAME, config_above, config_in

    named = args.path if args.path is not None else args.project
    if named is None:
        try:
            found = config_above(os.getcwd())  # noqa: PTH109 - pathlib costs 4 ms
        except FileNotFoundError:
            raise CommandError("this directory was removed: change to the project's directory") from None
        if found is None:
            raise CommandError(f"no {CONFIG_NAME} here or in a parent directory: `skafos init` makes one")
        return found
    if not named:
        raise CommandError("the path is empty: name a config or its directory")
    path: str = os.path.expanduser(named)  # noqa: PTH111
    if not os.path.isdir(path):  # noqa: PTH112
        if args.path is None:
            raise CommandError(f"{clean(named)} is no directory: --project takes the one with {CONFIG_NAME}")
        return path
    found = config_in(path)
    if found is None:
        if not os.access(path, os.X_OK):
            raise CommandError(f"{clean(named)}: can't be read: you may not enter this directory")
        raise CommandError(f"{clean(named)} has no {CONFIG_NAME}: `skafos init` makes one")
    return found


def _options(data: bytes) -> dict[str, Any]:
    """What a config is held against. Raises CommandError where the user's settings can't be read."""
    from skafos_tui.config.check_options import OptionsError, check_options

    try:
        return check_options(data)
    except OptionsError as error:
        raise CommandError(clean(str(error))) from None


def _read(path: str) -> ReadResult:
    from skafos_tui.config.files import DirectoryFiles
    from skafos_tui.config.reader import ConfigUnreadable, directory_of, parse_config, read_bytes

    try:
        data = read_bytes(path)
    except ConfigUnreadable as error:
        raise CommandError(clean(error.message)) from None
    return parse_config(data, files=DirectoryFiles(directory_of(path)), **_options(data))


def _fix(path: str, first: ReadResult) -> tuple[ReadResult, int]:
    """Take all fixes and save; the reading afterwards and how many were taken."""
    from skafos_tui.config.editing import EditConflict, save_text
    from skafos_tui.config.files import DirectoryFiles
    from skafos_tui.config.fixes import take_all
    from skafos_tui.config.reader import directory_of, parse_config

    options, files = _options(first.data), DirectoryFiles(directory_of(path))
    outcome = take_all(first, lambda text: parse_config(text, files=files, **options))
    if outcome.text != first.text:
        try:
            save_text(path, outcome.text, expected=first.data)
        except EditConflict as error:
            raise CommandError(error.message, FAILED) from None
        except OSError as error:
            raise CommandError(f"{_shown(path)} can't be written: {error.strerror or error}", USAGE) from None
    return outcome.result, len(outcome.taken)


def _shown(path: str) -> str:
    """The path as its user would type it: relative where the file lies below this directory."""
    text = path
    if os.path.isabs(path):  # noqa: PTH117
        try:
            inside = os.path.relpath(path)
        except (OSError, ValueError):
            inside = path
        text = path if inside.startswith(os.pardir) else inside
    while text.startswith("./"):
        text = text[2:].lstrip("/")
    return clean(text)


def _print(result: ReadResult, name: str) -> None:
    output = Output()
    for item in result.diagnostics:
        tag = f"{item.severity}[{item.code}]"
        place = f"{name}:{item.line}:{item.column}:"
        output.line(f"{place} {output.paint(tag, _STYLES[item.severity])} {clean(item.message)}")
    output.flush()


def _close(diagnostics: tuple[Diagnostic, ...], taken: int, *, fixing: bool) -> None:
    """One line on standard error that sums up."""
    counts = []
    for severity, singular, plural in (
        ("error", "error", "errors"),
        ("warning", "warning", "warnings"),
        ("info", "remark", "remarks"),
    ):
        number = sum(item.severity == severity for item in diagnostics)
        if number:
            counts.append(f"{number} {singular if number == 1 else plural}")
    words = ", ".join(counts) or "nothing to report"
    if taken:
        words = f"{taken} fixed; {words}"
    fixes = [item.fix for item in diagnostics if item.fix is not None]
    fixable = sum(not fix.changes_meaning for fix in fixes)
    if fixable and not fixing:
        words += f"; {fixable} can be fixed with --fix"
    for fix in fixes:
        if fix.changes_meaning:
            words += f"; yours to decide: {clean(fix.title)}"
            break
    remark(words)


def _as_json(item: Diagnostic, path: str) -> dict[str, Any]:
    fix = None
    if item.fix is not None:
        edits = [{"start": e.start, "end": e.end, "replacement": e.replacement} for e in item.fix.edits]
        fix = {"title": item.fix.title, "edits": edits, "changes_meaning": item.fix.changes_meaning}
    return {
        "severity": str(item.severity),
        "code": item.code,
        "message": item.message,
        "file": path,
        "line": item.line,
        "column": item.column,
        "end_column": item.end_column,
        "job_id": item.job_id,
        "fix": fix,
    }


def _exit_code(diagnostics: tuple[Diagnostic, ...], *, strict: bool) -> int:
    failing = ("error", "warning") if strict else ("error",)
    return FAILED if any(item.severity in failing for item in diagnostics) else 0
