"""`skafos pause`, `resume`: schedules off for a while, of one job or of all."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from skafos_tui.cli.common import add_json, counted, engine_client, known_token, open_project, open_store, refusals
from skafos_tui.cli.fires import Timetable, active_timetable, fire_view, moment, next_fires, now_utc
from skafos_tui.cli.output import Output, clean, remark
from skafos_tui.store.home import Home, find_home
from skafos_tui.text.durations import local_time, relative, rfc3339


def configure(command: str, parser: ArgumentParser) -> None:
    """The arguments of `pause` and `resume`."""
    parser.add_argument("job", metavar="JOB", nargs="?", help="one job, by name or id (default: all schedules)")
    add_json(parser)
    parser.set_defaults(run=pause if command == "pause" else resume)


def pause(args: Namespace) -> int:
    """Stop a schedule or all; said again where it was paused before."""
    home = find_home()
    token = known_token(open_project(args, home), home)
    with refusals():
        answer = engine_client(home).pause(token, args.job)
    timetable, paused_at = _standing(home, token, answer["job_id"])
    if args.json:
        return _print_json(answer, timetable, paused_at)
    out = Output()
    since = f"since {local_time(paused_at)}" if answer["changed"] else f"already, since {local_time(paused_at)}"
    if answer["job_id"] is not None:
        name = clean(str(answer["name"]))
        out.line(f"{name} is paused {since}: its schedule starts nothing until `skafos resume {_word(name)}`")
    else:
        count = counted(len(timetable.scheduled()) if timetable else 0, "schedule")
        out.line(f"{count} paused {since}: nothing starts by itself until `skafos resume`")
    if timetable is None:
        remark("nothing is deployed, so no schedule would fire anyway: skafos deploy")
    return 0


def resume(args: Namespace) -> int:
    """Go on with a schedule or all; said again where nothing was paused."""
    home = find_home()
    token = known_token(open_project(args, home), home)
    with refusals():
        answer = engine_client(home).resume(token, args.job)
    timetable, paused_at = _standing(home, token, answer["job_id"])
    if args.json:
        return _print_json(answer, timetable, paused_at)
    out = Output()
    name = clean(str(answer["name"])) if answer["job_id"] is not None else "the project"
    out.line(f"{name} {'goes on' if answer['changed'] else 'was not paused'}{_next(timetable, answer['job_id'])}")
    if timetable is not None and timetable.paused_at is not None:
        remark("all schedules of the project are paused, so this one is, too: skafos resume")
    elif timetable is None:
        remark("nothing is deployed, so no schedule fires: skafos deploy")
    elif timetable.problem:
        remark(timetable.problem)
    return 0


def _standing(home: Home, token: str, job_id: str | None) -> tuple[Timetable | None, float | None]:
    """The schedules as they are now, and since when the job (None: the project) is paused."""
    from skafos_tui.store.projects import get_project
    from skafos_tui.store.schedules import paused_jobs

    with open_store(home) as store:
        if store is None:
            return None, None
        row = get_project(store, token)
        project_paused_at = row.paused_at if row else None
        paused_at = project_paused_at if job_id is None else paused_jobs(store, token).get(job_id)
        return active_timetable(store, token), paused_at


def _next(timetable: Timetable | None, job_id: str | None) -> str:
    """The next fire of a job or of all, as the end of a sentence."""
    if timetable is None:
        return ""
    now = now_utc()
    fires = next_fires([job for job in timetable.running() if job_id in (None, job.id)], now)
    if not fires:
        return ""
    first = fires[0]
    name = "" if job_id is not None else f" {clean(first.job.name)}"
    return f"; next{name} {moment(first)}, {relative(first.at.timestamp(), now.timestamp())}"


def _print_json(answer: dict[str, Any], timetable: Timetable | None, paused_at: float | None) -> int:
    job_id = answer["job_id"]
    jobs = [job for job in timetable.scheduled() if job_id in (None, job.id)] if timetable else []
    fires = next_fires(jobs, now_utc())
    Output().json(
        {
            "changed": answer["changed"],
            "job_id": job_id,
            "name": answer["name"],
            "paused_at": rfc3339(paused_at),
            "schedules": [fire_view(fire, timetable) for fire in fires if timetable],
        }
    )
    return 0


def _word(name: str) -> str:
    """A name as one word of a shell."""
    import shlex

    return shlex.quote(name)
