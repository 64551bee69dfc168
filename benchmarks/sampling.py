"""Many running containers are sampled every second: what that costs the engine, and Docker beside it.

The floor reads the same streams in one thread and throws the bytes away. What Docker pays for its statistics is told
beside the bar: from its daemon, containerd and their shims, with the engine and with nobody watching.
"""

from __future__ import annotations

import selectors
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, closing

import psutil
from common import Bar, Bench, JobLines, arguments, bench, ids_with, machine, report

from skafos_tui.model.run import AttemptState
from skafos_tui.runners.docker.client import find_address
from skafos_tui.runners.docker.streams import Stream
from skafos_tui.store import runs
from skafos_tui.store.database import connect_reader
from skafos_tui.store.metrics import open_metrics

CONTAINERS = 50
ROUNDS = 1
WATCH_S = 20.0
CALM_S = 5.0
BAR = 10.0
PATIENCE_S = 300.0
DOCKER = ("dockerd", "containerd", "containerd-shim")


def main() -> int:
    """Measure and report; 1 where the bar does not hold."""
    parser = arguments(__doc__, ROUNDS)
    parser.set_defaults(network="none")
    parser.add_argument("--containers", type=int, default=CONTAINERS)
    parser.add_argument("--seconds", type=float, default=WATCH_S)
    args = parser.parse_args()
    extra = f"    parallelism: {args.containers}\n    resources: {{requests: {{cpu: 0.01, memory: 16Mi}}}}\n"
    with bench(args.network) as place:
        directory = place.project("sampling", [JobLines("sleeper", extra=extra)], "import time\ntime.sleep(3600)\n")
        run_id = place.start(directory)
        wait_for(place, run_id, args.containers)
        time.sleep(CALM_S)
        engine = psutil.Process(place.engine_pid())
        before = samples(place)
        (share, with_us) = shares(args.seconds, lambda: seconds_of([engine]))
        rate = (samples(place) - before) / args.seconds
        threads, memory = engine.num_threads(), engine.memory_info().rss / (1 << 20)
        place.kill_engine()
        time.sleep(CALM_S)
        (_, alone) = shares(args.seconds, lambda: 0.0)
        floor = floor_share(place, args.seconds)
        place.client = place.start_engine()
        place.client.cancel(run_id, by="benchmark")
        place.settle()
    words = (
        f"a bare reader {floor:.2f} %; {rate:.1f} samples/s kept, engine {threads} threads, {memory:.0f} MiB;"
        f" Docker's own CPU {with_us:.1f} % of a core with it, {alone:.1f} % without; {machine()}"
    )
    # Docker's own second grows longer on a machine that is busy with other things.
    share *= max(1.0, args.containers / max(rate, 1e-9))
    bars = [Bar(f"engine with {args.containers} containers, CPU at a sample a second each", share, "%", BAR)]
    if rate < 0.3 * args.containers:
        raise SystemExit(f"samples are missing: {words}")
    return report(bars, words)


def wait_for(place: Bench, run_id: int, count: int) -> None:
    """Until so many attempts run."""
    deadline = time.monotonic() + PATIENCE_S
    with closing(connect_reader(place.home.state_database)) as store:
        while time.monotonic() < deadline:
            if sum(a.state is AttemptState.RUNNING for a in runs.attempts_of(store, run_id)) == count:
                return
            time.sleep(0.2)
    raise SystemExit(f"{count} containers do not run after {PATIENCE_S:.0f} s")


def samples(place: Bench) -> int:
    """How many samples are kept."""
    connection = open_metrics(place.home.metrics_database)
    if connection is None:
        return 0
    with closing(connection):
        return int(connection.execute("SELECT COUNT(*) FROM points").fetchone()[0])


def shares(seconds: float, used: Callable[[], float]) -> tuple[float, float]:
    """Percent of a core over a while: of what `used` counts, and of Docker."""
    docker = [process for process in psutil.process_iter(["name"]) if process.info["name"].startswith(DOCKER)]
    began, before, of_docker = time.monotonic(), used(), seconds_of(docker)
    time.sleep(seconds)
    took = time.monotonic() - began
    return (used() - before) / took * 100, (seconds_of(docker) - of_docker) / took * 100


def seconds_of(processes: list[psutil.Process]) -> float:
    """The processor time of those that still run."""
    total = 0.0
    for process in processes:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


def floor_share(place: Bench, seconds: float) -> float:
    """Percent of a core that reading the streams takes at least."""
    version = place.docker.version()["ApiVersion"]
    with ExitStack() as stack:
        ready = stack.enter_context(selectors.DefaultSelector())
        for container in ids_with(place.docker, f"skafos.engine={place.engine_id}"):
            stream = Stream(find_address(), f"/v{version}/containers/{container}/stats?stream=1")
            stack.callback(stream.close)
            ready.register(stream._socket, selectors.EVENT_READ)
        began, used = time.monotonic(), time.thread_time()
        while (took := time.monotonic() - began) < seconds:
            for key, _ in ready.select(seconds - took):
                key.fileobj.recv(1 << 20)  # type: ignore[union-attr]
        return (time.thread_time() - used) / took * 100


if __name__ == "__main__":
    sys.exit(main())
