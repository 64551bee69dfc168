"""From a usage to gauges: one series each, with its name, its words and the value that fills its chart; pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from skafos_tui.model.run import TaskState
from skafos_tui.store.metrics import TaskTimes
from skafos_tui.text.charts import round_top
from skafos_tui.text.durations import clock
from skafos_tui.tui.reading_metrics import GAP_S, Lane, Usage, Values, added

FAR = 1 / 8
"""A peak below this share of the limit (a job without one may have the whole machine) is drawn on its own scale."""
LEAST_RATE = 10_000.0
"""Bytes a second that are worth a chart."""
ALARMING = 0.9
"""A share of the limit of memory from which on it is worth a colour."""


@dataclass(frozen=True, slots=True)
class Gauge:
    """One series as it is shown. `values` are spans of time, oldest first, or one for each past task.

    `words` is the value now, or the highest of what has ended, against the limit where there is one; `brief` the
    same where there is little room. `top` fills the chart and reads `top_words`; `peak_words` is the highest value.
    """

    key: str
    label: str
    values: Values
    top: float
    words: str
    brief: str
    top_words: str
    peak_words: str
    over_time: bool = True
    peaks: bool = False
    alarming: bool = False


@dataclass(frozen=True, slots=True)
class Named:
    """How a series is called and told: its label, a shorter one, and its values in words.

    `told` makes a value readable; `against` a value beside its limit, in much and in little room. A chart reaches at
    least up to `least`: next to nothing doesn't fill it.
    """

    label: str
    short: str
    told: Callable[[float], str]
    against: Callable[[float, float], tuple[str, str]] | None = None
    limit: Callable[[Lane], float] | None = None
    peaks: bool = False
    base: int = 1000
    least: float = 0.0


def percent(cores: float) -> str:
    """Cores as `187%`."""
    return f"{cores * 100:.0f}%"


def _percent_of(cores: float, limit: float) -> tuple[str, str]:
    return f"{percent(cores)} of {limit * 100:.0f}", percent(cores)


def size(amount: float) -> str:
    """Bytes as `1.2G` or `312M`."""
    unit, sign = _unit_of(amount)
    return f"{_sized(amount, unit)}{sign}"


def _size_of(amount: float, limit: float) -> tuple[str, str]:
    unit, sign = _unit_of(limit)
    if amount < unit / 10:
        return f"{size(amount)} of {size(limit)}", f"{size(amount)}/{size(limit)}"
    return (
        f"{_sized(amount, unit)} of {_sized(limit, unit)}{sign}",
        f"{_sized(amount, unit)}/{_sized(limit, unit)}{sign}",
    )


def _unit_of(amount: float) -> tuple[int, str]:
    return (1 << 30, "G") if amount >= 1 << 30 else (1 << 20, "M")


def _sized(amount: float, unit: int) -> str:
    return f"{amount / unit:.1f}" if unit == 1 << 30 else f"{amount / unit:.0f}"


def rate(amount: float) -> str:
    """Bytes a second as `0.1 MB/s` or `12 kB/s`."""
    return f"{amount / 1e6:.1f} MB/s" if amount >= 99_500 else f"{amount / 1e3:.0f} kB/s"


def _count(amount: float) -> str:
    return f"{amount:.0f}"


NAMES: dict[str, Named] = {
    "cpu": Named("cpu", "cpu", percent, _percent_of, lambda lane: lane.cpu_limit),
    "memory": Named("memory", "mem", size, _size_of, lambda lane: float(lane.memory_limit), peaks=True, base=1024),
    "network": Named("network", "net", rate, least=LEAST_RATE),
    "disk": Named("disk", "disk", rate, least=LEAST_RATE),
    "processes": Named("procs", "procs", _count, peaks=True),
}
"""Every series over time in the order of the charts; the one place where they are named."""
ALWAYS = ("cpu", "memory")
"""Shown also where nothing was sampled."""


def gauges_of(usage: Usage, instance: int | None = None) -> list[Gauge]:
    """The gauges of one instance, or of all together (None), then how the job's last tasks took and waited."""
    lanes = [lane for lane in usage.lanes if instance is None or lane.instance == instance]
    found = [_gauge(key, named, lanes, usage.step_s) for key, named in NAMES.items()] if lanes else []
    return [gauge for gauge in found if gauge is not None] + _past_gauges(usage.past)


def _gauge(key: str, named: Named, lanes: Sequence[Lane], step_s: float) -> Gauge | None:
    """One series of these lanes, summed."""
    held = [_held(lane, key, step_s) for lane in lanes]
    values: Values = tuple([added(spans) for spans in zip(*held, strict=True)])
    there = [value for value in values if value is not None]
    if not there and key not in ALWAYS:
        return None
    going = [lane for lane in lanes if lane.ended_at is None]
    limit = sum(named.limit(lane) for lane in going or lanes) if named.limit else 0.0
    peak = max(there, default=0.0)
    now = added([_last(spans) for lane, spans in zip(lanes, held, strict=True) if lane.ended_at is None])
    told = now if going else max(there, default=None)
    top = max(peak, limit) if peak >= FAR * limit > 0 else round_top(max(peak, named.least), base=named.base)
    words, brief = "", ""
    if told is not None:
        words = brief = named.told(told)
        if named.against and limit:
            words, brief = named.against(told, limit)
        if not going:
            words, brief = f"max {words}", f"max {brief}"
    return Gauge(
        key,
        named.label,
        values,
        top,
        words,
        f"{named.short} {brief}".rstrip(),
        named.told(top),
        named.told(peak) if there else "",
        peaks=named.peaks,
        alarming=key == "memory" and told is not None and limit > 0 and told >= ALARMING * limit,
    )


def _held(lane: Lane, key: str, step_s: float) -> Values:
    """The series of a lane; while it runs its newest value stands until the next sample, that sums do not flicker."""
    values = lane.series.get(key, ())
    if lane.ended_at is not None or not values:
        return values
    known = len(values)
    while known and values[known - 1] is None:
        known -= 1
    missing = len(values) - known
    if not known or missing * step_s > GAP_S + step_s:
        return values
    return values[:known] + (values[known - 1],) * missing


def _last(values: Values) -> float | None:
    return values[-1] if values else None


def _past_gauges(past: Sequence[TaskTimes]) -> list[Gauge]:
    """One value a task, oldest first."""
    if not past:
        return []
    took = [one.duration_s for one in reversed(past)]
    waited = [one.waited_s for one in reversed(past)]
    good = sorted(one.duration_s for one in past if one.duration_s is not None and one.state is TaskState.SUCCEEDED)
    usual = f"usual {clock(good[len(good) // 2])}" if good else ""
    newest = waited[-1]
    return [
        _past_gauge("took", "took", took, usual),
        _past_gauge("waited", "waited", waited, "" if newest is None else f"last {clock(newest)}"),
    ]


def _past_gauge(key: str, label: str, values: Sequence[float | None], words: str) -> Gauge:
    top = max((value for value in values if value is not None), default=0.0)
    told = clock(top)
    return Gauge(key, label, tuple(values), max(top, 1.0), words, f"{label} {words}".rstrip(), told, told, False)
