"""`skafos init`, `skafos templates`, `skafos create job`: what begins."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from skafos_tui.cli.common import add_json, listed, project_directory, shown_path
from skafos_tui.cli.errors import FAILED, CommandError
from skafos_tui.cli.new_project import (
    CONFIG_NAME,
    DEFAULT_TEMPLATE,
    TEMPLATES,
    fill_directory,
    make_directory,
    template_files,
)
from skafos_tui.cli.output import Output, clean

if TYPE_CHECKING:
    from skafos_tui.config.job_edits import NewJob
    from skafos_tui.model.diagnostic import Diagnostic


def configure(command: str, parser: argparse.ArgumentParser) -> None:
    """The arguments of `init`, `templates` or `create`."""
    if command == "init":
        parser.add_argument("name", metavar="NAME", nargs="?", help="makes ./NAME (default: the files come here)")
        parser.add_argument("--template", metavar="T", default=DEFAULT_TEMPLATE, help="see `skafos templates`")
        parser.set_defaults(run=run_init)
    elif command == "templates":
        add_json(parser)
        parser.set_defaults(run=run_templates)
    else:
        parser.add_argument("what", choices=["job"], help="what to create")
        parser.add_argument("name", metavar="NAME", help="the job's name, free text")
        parser.add_argument(
            "--after", metavar="JOB", action="append", default=[], help="a job it depends on, by name or id; repeatable"
        )
        parser.add_argument("--schedule", metavar="CRON", help='5 crontab fields, such as "0 9 * * *"')
        parser.add_argument("--entrypoint", metavar="F", help="script, notebook or command (default: NAME as a .py)")
        parser.set_defaults(run=run_create_job)


def run_templates(args: argparse.Namespace) -> int:
    """List the templates."""
    out = Output()
    if args.json:
        out.json([{"name": name, "description": text} for name, text in TEMPLATES.items()])
    else:
        out.table(("template", "what it is"), list(TEMPLATES.items()))
    return 0


def run_init(args: argparse.Namespace) -> int:
    """Make a project in ./NAME, or in this directory."""
    if args.template not in TEMPLATES:
        raise CommandError(f"there is no template `{clean(args.template)}`; there are {listed(TEMPLATES)}")
    base = _base(args)
    target = base if args.name is None else Path(os.path.normpath(base / args.name))
    here = target == base
    if args.name is not None and (not args.name.strip() or not target.name.isprintable()):
        raise CommandError("NAME is the name of a directory; write it in printable characters")
    files = template_files(args.template, target.name or "project")
    if here:
        fill_directory(target, files)
    else:
        make_directory(target, files)
    shown, in_it = clean(shown_path(target)), target == Path.cwd()
    out = Output()
    made = f"{', '.join(sorted(files))} in {'this directory' if in_it else shown}"
    out.line(f"{clean(target.name) or 'project'}: {made}")
    out.line("next: skafos run" if in_it else f"next: cd {shown} && skafos run")
    return 0


def _base(args: argparse.Namespace) -> Path:
    """The directory the new project comes into, or below: `--project`, else this one."""
    try:
        base = Path(os.path.normpath(Path(args.project or ".").expanduser().absolute()))
    except FileNotFoundError:
        raise CommandError("this directory was removed: change to another one") from None
    if not base.is_dir():
        raise CommandError(f"{clean(str(base))} is no directory: --project takes one that is there")
    return base


def run_create_job(args: argparse.Namespace) -> int:
    """Add a job to the config; nothing is written where the result would not be valid."""
    from skafos_tui.config.editing import EditConflict, apply_edits, save_text
    from skafos_tui.config.job_edits import add_job
    from skafos_tui.config.reader import find_config

    directory = project_directory(args)
    config = find_config(directory)
    if config is None:
        raise CommandError(
            f"there is no {CONFIG_NAME} in {clean(str(directory))} or above: `skafos init` makes a project"
        )
    data = _read(config)
    try:
        text = data.decode("utf-8")
        job = _new_job(args, text)
        new_text = apply_edits(text, add_job(text, job))
    except UnicodeDecodeError:
        raise CommandError(f"{config.name} is not in UTF-8; `skafos validate` says where", FAILED) from None
    except ValueError as error:
        raise CommandError(f"{config.name}: {clean(str(error))}", FAILED) from None
    _refuse_findings(data, new_text, config)
    script = _make_script(directory, job)
    try:
        save_text(config, new_text, expected=data)
    except (EditConflict, OSError) as error:
        if script is not None:
            script.unlink(missing_ok=True)
        reason = (
            error.message if isinstance(error, EditConflict) else f"{config.name} can't be written: {error.strerror}"
        )
        raise CommandError(clean(reason), FAILED) from None
    line = new_text[: new_text.index(job.id)].count("\n") + 1
    out = Output()
    out.line(f"{clean(shown_path(config))}:{line}: job {clean(job.name)}, id {job.id}")
    out.line(_about_script(directory, job, script))
    return 0


def _read(config: Path) -> bytes:
    from skafos_tui.config.reader import ConfigUnreadable, read_bytes

    try:
        return read_bytes(config)
    except ConfigUnreadable as error:
        raise CommandError(clean(error.message)) from None


def _new_job(args: argparse.Namespace, text: str) -> NewJob:
    """The job as the arguments say it; CommandError about the first that will not do."""
    from skafos_tui.config.job_edits import NewJob, job_names
    from skafos_tui.config.job_edits_script import script_name
    from skafos_tui.config.reading import random_id

    name = args.name.strip()
    if not name or not name.isprintable():
        raise CommandError("NAME is a line of printable text")
    names = job_names(text)
    if name in names.values():
        raise CommandError(f"there is a job `{clean(name)}` already; give this one another name")
    after = [_meant(names, wanted) for wanted in args.after]
    if args.schedule is not None:
        _check_schedule(args.schedule)
    return NewJob(
        id=random_id(),
        name=name,
        entrypoint=args.entrypoint if args.entrypoint is not None else script_name(name),
        schedule=args.schedule,
        dependencies=tuple(dict.fromkeys(after)),
    )


def _meant(names: dict[str, str], wanted: str) -> str:
    """The id of the job that `--after` names."""
    if wanted in names:
        return wanted
    found = [job_id for job_id, name in names.items() if name == wanted]
    if len(found) == 1:
        return found[0]
    if found:
        raise CommandError(f"--after: several jobs are named `{clean(wanted)}`, take an id: {listed(found)}")
    there = f"jobs are {listed(names.values())}" if names else "there are none yet"
    raise CommandError(f"--after: there is no job `{clean(wanted)}`; {there}")


def _check_schedule(text: str) -> None:
    from skafos_tui.config.cron import CronError, parse_cron

    try:
        cron = parse_cron(text)
    except CronError as error:
        raise CommandError(f"--schedule: {clean(error.message)}") from None
    if cron.never_fires():
        raise CommandError(f"--schedule: `{clean(text)}` never fires: no month it names has that day")


def _refuse_findings(before: bytes, new_text: str, config: Path) -> None:
    """CommandError where the config with the new job has an error, its own or one that was there before."""
    from skafos_tui.config.reader import parse_config

    errors = _errors(parse_config(new_text).diagnostics)
    if not errors:
        return
    old = {(item.code, item.message) for item in _errors(parse_config(before).diagnostics)}
    new = [item for item in errors if (item.code, item.message) not in old]
    if new:
        raise CommandError(f"{clean(new[0].message)} ({new[0].code}); nothing was written")
    raise CommandError(f"{config.name} has errors already; `skafos validate` shows them, correct them first", FAILED)


def _errors(diagnostics: tuple[Diagnostic, ...]) -> list[Diagnostic]:
    from skafos_tui.model.diagnostic import Severity

    return [item for item in diagnostics if item.severity is Severity.ERROR]


def _make_script(directory: Path, job: NewJob) -> Path | None:
    """A first script where the entrypoint is one that is not there yet; None where nothing was made."""
    from skafos_tui.config.job_edits_script import is_script, script_text

    path = directory / job.entrypoint
    if not is_script(job.entrypoint) or path.exists():
        return None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(script_text(job.name))
    except OSError as error:
        raise CommandError(f"{clean(job.entrypoint)} can't be written: {error.strerror}") from None
    return path


def _about_script(directory: Path, job: NewJob, script: Path | None) -> str:
    """One line on what the job runs."""
    shown = clean(job.entrypoint)
    if script is not None:
        return f"{clean(shown_path(script))} is new: write there what the job does"
    there = not _looks_like_file(job.entrypoint) or (directory / job.entrypoint).exists()
    return f"it runs {shown}" if there else f"it runs {shown}, which is not there yet"


def _looks_like_file(entrypoint: str) -> bool:
    return entrypoint.endswith((".py", ".ipynb")) and "|" not in entrypoint
