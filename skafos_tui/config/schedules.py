"""When a job starts: its crontab and its time zone, and what may surprise about them."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from skafos_tui.config.nodes import SCALAR, Node
from skafos_tui.config.places import short
from skafos_tui.config.quantities import BadValue
from skafos_tui.config.sections import kind_name
from skafos_tui.model.diagnostic import Fix

if TYPE_CHECKING:
    from skafos_tui.config.cron import Cron
    from skafos_tui.config.reading import Reading


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Cron:
    from skafos_tui.config.cron import CronError, parse_cron

    try:
        return parse_cron(text)
    except CronError as error:
        raise BadValue("bad-cron", error.message, start=error.start, end=error.end) from error


@lru_cache(maxsize=1024)
def _remark(text: str, zone: str) -> str | None:
    return _parsed(text).dst_remark(zone)


def _cron_text(text: str) -> Cron:
    return _parsed(text)


def check_schedule(reading: Reading, node: Node, zone: str | None) -> str | None:
    """The crontab of a job, None where it is none; `zone` None: not known, so nothing is said about clock changes."""
    if node.kind != SCALAR:
        message = f'`schedule` must be a crontab such as "0 9 * * *", not {kind_name(node)}'
        reading.error("wrong-type", message, node)
        return None
    text = node.text
    try:
        cron = _parsed(text)
    except BadValue as bad:
        reading.bad_value(node, bad, _cron_text)
        return None
    if cron.never_fires():
        message = f"`{short(text)}` never fires: no month it names has that day; choose another day or month"
        reading.error("never-fires", message, node)
        return None
    meant = cron.every_minute_slip()
    if meant is not None:
        message = f"`{short(text)}` fires in every minute of those hours; did you mean `{meant}`?"
        fix = reading.replacement(node, meant, f"Write `{meant}`")
        if fix is not None:
            unquoted = node.style == "" and meant[:1] == "*"
            fix = None if unquoted else Fix(fix.title, fix.edits, changes_meaning=True)
        reading.warning("cron-every-minute", message, node, fix)
    if zone is not None and zone != "UTC":
        remark = _remark(text, zone)
        if remark is not None:
            reading.warning("dst-sensitive", f"`{short(text)}`: {remark}", node)
    return text


def read_timezone(reading: Reading, node: Node) -> str | None:
    """The name of a time zone; None, with a finding, where there is no such zone."""
    from skafos_tui.config.cron import nearest_timezone, valid_timezone

    if node.kind != SCALAR:
        message = f"`timezone` must be a name such as Europe/Berlin, not {kind_name(node)}"
        reading.error("wrong-type", message, node)
        return None
    if valid_timezone(node.text):
        return node.text
    better = nearest_timezone(node.text) if len(node.text) <= 60 else None
    hint = f"did you mean `{better}`?" if better else "write a name such as Europe/Berlin or UTC"
    message = f"`{short(node.text)}` is no time zone; {hint}"
    fix = reading.replacement(node, better, f"Write `{better}`") if better else None
    if fix is None:
        fix = reading.straight_quotes(node, _zone_text)
    reading.error("bad-timezone", message, node, fix)
    return None


def _zone_text(text: str) -> str:
    from skafos_tui.config.cron import valid_timezone

    if not valid_timezone(text):
        raise BadValue("bad-timezone", "no time zone")
    return text
