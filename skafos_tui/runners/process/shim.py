"""The process beside each attempt: runs it, takes up what it prints, writes down how it ended.

It outlives the engine. Started as `python -I -S -c START ROOT DIRECTORY LOCK`, see `launch`; it needs nothing but the
standard library, and imports only what is quick: it is there in 40 ms.
"""

from __future__ import annotations

import ctypes
import errno
import os
import select
import signal
import sys
import time
from typing import Any, NoReturn

from skafos_tui.runners.identity import start_of
from skafos_tui.runners.process import cgroups, files, limits, processes
from skafos_tui.runners.process.pump import READ, Pump

START = "import sys; sys.path.insert(0, sys.argv[1]); from skafos_tui.runners.process.shim import main; main()"
KILL = signal.SIGUSR1
"""Tells the shim to kill the attempt: SIGKILL itself would reach only the shim."""
HEARD = (signal.SIGTERM, KILL, signal.SIGCHLD)
NOT_HEARD = (signal.SIGHUP, signal.SIGINT, signal.SIGPIPE)
"""What a closed terminal or a keyboard sends is not meant for jobs."""
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 36, 38
PIPE_BYTES = 1 << 20
BREATH_S = 0.005
BUSY_S = 0.05
SMALL = 4096
"""A job that prints line by line wakes us for each: where the last one came within BUSY_S, a breath collects some."""
FULL_DISK_S = 0.5
FOREIGN_HOLD_S = 1.0
"""How long a pipe is read that some process which can't be killed holds open."""
NOT_FOUND, NOT_EXECUTABLE = 127, 126


def main() -> NoReturn:
    """Fork the shim off, say by the exit code (0) that its job has started, so that it has no living parent."""
    directory, lock = sys.argv[2], int(sys.argv[3])
    os.set_inheritable(lock, False)
    told, tell = os.pipe()
    if os.fork():
        os.close(lock)
        os.close(tell)
        os._exit(0 if os.read(told, 1) else 1)
    os.close(told)
    try:
        Shim(directory, tell).run()
    except BaseException as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        sys.stderr.flush()
        processes.kill(processes.descendants(os.getpid()))
        os._exit(1)
    os._exit(0)


class Shim:
    """One attempt from its first process to its last; `directory` is the attempt's, `tell` is written to at the start.

    The attempt's lock is an open descriptor of this process, and of no other.
    """

    def __init__(self, directory: str, tell: int) -> None:
        spec = files.read_json(f"{directory}/{files.SPEC}")
        if spec is None:
            raise FileNotFoundError(f"{directory}/{files.SPEC} is gone")
        self._spec: dict[str, Any] = spec
        self._directory = directory
        self._tell = tell
        self._libc = ctypes.CDLL(None) if sys.platform == "linux" else None
        log = os.open(f"{directory}/{files.LOG}", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._log = log
        self._pump = Pump(log)
        self._cgroup = cgroups.Cgroup({}, 2)
        self._watch: limits.MemoryWatch | None = None
        self._cores: list[int] = []
        self._started = 0.0
        self._child = 0
        self._status: int | None = None
        self._peak = 0
        self._streams: dict[int, str] = {}
        self._woken = -1
        self._last_taken = 0.0

    def run(self) -> None:
        """All of it."""
        self._listen()
        self._prctl(PR_SET_CHILD_SUBREAPER, 1)
        self._make_limits()
        self._spawn()
        os.write(self._tell, b"1")
        os.close(self._tell)
        while self._status is None:
            self._wait()
        processes.end_all_below(self._child)
        self._drain()
        self._write_end()

    def _listen(self) -> None:
        self._woken, writing = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(writing, False)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        for number in HEARD:
            signal.signal(number, lambda *_: None)
        for number in NOT_HEARD:
            signal.signal(number, signal.SIG_IGN)

    def _prctl(self, option: int, value: int) -> None:
        if self._libc is not None:
            self._libc.prctl(option, value, 0, 0, 0)

    def _make_limits(self) -> None:
        spec = self._spec
        if sys.platform == "linux":
            self._cgroup = cgroups.make(spec["name"])
            self._cgroup.limit(memory=spec["memory"], cpu=spec["cpu"], pids=spec["pids"])
        if "memory" not in self._cgroup.limits:
            self._watch = limits.MemoryWatch(spec["memory"])

    def _spawn(self) -> None:
        """Start the job. Signals wait meanwhile: one between fork and exec would be taken by our handlers."""
        pipes = {stream: os.pipe() for stream in ("stdout", "stderr")}
        for reading, _ in pipes.values():
            _widen(reading)
            os.set_blocking(reading, False)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)
        choosing = limits.cores_lock(self._directory) if "cpu" not in self._cgroup.limits else -1
        if choosing >= 0:
            self._cores = limits.choose_cores(self._directory, self._spec["cpu"])
        self._started = time.time()
        self._write_started()
        if choosing >= 0:
            os.close(choosing)
        shim = os.getpid()
        self._child = os.fork()
        if self._child == 0:
            self._become_job(pipes["stdout"][1], pipes["stderr"][1], shim)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        for stream, (reading, writing) in pipes.items():
            os.close(writing)
            self._streams[reading] = stream

    def _write_started(self) -> None:
        pid = os.getpid()
        content = {
            "pid": pid,
            "start": start_of(pid),
            "started": self._started,
            "cgroups": self._cgroup.directories,
            "cores": self._cores,
        }
        files.write_file(f"{self._directory}/{files.STARTED}", content, durable=False)

    def _become_job(self, out: int, err: int, shim: int) -> NoReturn:
        """In the child: own session, limits, streams, then the job's program."""
        argv, environment = self._spec["argv"], self._spec["environment"]
        code = NOT_FOUND
        try:
            os.setsid()
            # Not the engine's death, the shim's: with nobody to take up its output and its end, a job is lost.
            self._prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            self._prctl(PR_SET_NO_NEW_PRIVS, 1)
            if os.getppid() != shim:
                os._exit(NOT_FOUND)
            self._cgroup.join()
            if self._cores:
                os.sched_setaffinity(0, self._cores)
            if "pids" not in self._cgroup.limits:
                limits.limit_processes(self._spec["pids"])
            os.umask(0o022)
            os.dup2(out, 1)
            os.dup2(err, 2)
            os.chdir(self._spec["directory"])
            signal.set_wakeup_fd(-1)
            for number in (*HEARD, *NOT_HEARD, signal.SIGXFSZ):
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            os.execvpe(argv[0], argv, environment)
        except OSError as error:
            code = NOT_FOUND if error.errno in (errno.ENOENT, errno.ENOTDIR) else NOT_EXECUTABLE
            files.write_all(2, f"{argv[0]}: {error.strerror}\n".encode())
        finally:
            os._exit(code)

    def _wait(self) -> None:
        """One round: what can be read, what was heard, what is due."""
        poll = select.poll()
        poll.register(self._woken, select.POLLIN)
        if not self._pump.stuck:
            for descriptor in self._streams:
                poll.register(descriptor, select.POLLIN)
        ready = [descriptor for descriptor, _ in poll.poll(self._patience_ms())]
        sizes = [self._read(descriptor) for descriptor in ready if descriptor != self._woken]
        if self._woken in ready:
            self._hear()
        if self._pump.stuck:
            self._pump.flush()
        if self._watch is not None and time.monotonic() >= self._watch.due:
            self._watch.look()
        now = time.monotonic()
        if sizes and max(sizes) < SMALL and self._status is None and now - self._last_taken < BUSY_S:
            time.sleep(BREATH_S)
        if sizes:
            self._last_taken = now

    def _patience_ms(self) -> int | None:
        waits = [FULL_DISK_S] if self._pump.stuck else []
        if self._watch is not None:
            waits.append(max(0.0, self._watch.due - time.monotonic()))
        return int(min(waits) * 1000) + 1 if waits else None

    def _read(self, descriptor: int) -> int:
        """Take what is there; how many bytes it was."""
        try:
            data = os.read(descriptor, READ)
        except BlockingIOError:
            return 0
        if data:
            self._pump.take(self._streams[descriptor], data)
        else:
            os.close(descriptor)
            del self._streams[descriptor]
        return len(data)

    def _hear(self) -> None:
        try:
            heard = os.read(self._woken, 4096)
        except BlockingIOError:
            return
        for number in heard:
            if number == signal.SIGTERM:
                self._hand_on(signal.SIGTERM)
            elif number == KILL:
                processes.kill([self._child, *processes.descendants(os.getpid())])
        if signal.SIGCHLD in heard:
            self._reap()

    def _hand_on(self, number: signal.Signals) -> None:
        """To the job's own process; to its group where a shell waits for that process (`runners.command`)."""
        try:
            if self._spec["signals_group"]:
                os.killpg(self._child, number)
            else:
                os.kill(self._child, number)
        except ProcessLookupError:
            return

    def _reap(self) -> None:
        """Take note of the job's end, and of orphans', for we are their parent now."""
        while True:
            try:
                pid, status, used = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self._child:
                self._status = status
                self._peak = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)

    def _drain(self) -> None:
        """All that is still in the pipes; they end, for every process that could write has."""
        while self._streams:
            self._unstick()
            poll = select.poll()
            for descriptor in self._streams:
                poll.register(descriptor, select.POLLIN)
            ready = poll.poll(FOREIGN_HOLD_S * 1000)
            if not ready:
                break
            for descriptor, _ in ready:
                self._read(descriptor)
        self._pump.end()
        self._unstick()
        os.fsync(self._log)

    def _unstick(self) -> None:
        while self._pump.stuck:
            time.sleep(FULL_DISK_S)
            self._pump.flush()

    def _write_end(self) -> None:
        assert self._status is not None
        number = os.WTERMSIG(self._status) if os.WIFSIGNALED(self._status) else 0
        watch = self._watch
        peaks = (self._peak, watch.peak if watch is not None else 0, self._cgroup.peak() or 0)
        content = {
            "code": 128 + number if number else os.WEXITSTATUS(self._status),
            "signal": number,
            "started": self._started,
            "ended": time.time(),
            "peak": max(peaks),
            "out_of_memory": watch.killed if watch is not None else self._cgroup.killed_for_memory(),
        }
        cgroups.remove(self._cgroup.directories)
        path = f"{self._directory}/{files.EXIT}"
        while True:
            try:
                return files.write_file(path, content, durable=True)
            except OSError as error:
                if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                    raise
            time.sleep(FULL_DISK_S)


def _widen(pipe: int) -> None:
    """A job that prints much isn't held up by our pauses."""
    if sys.platform != "linux":
        return
    import fcntl

    try:
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    except OSError:
        # This user's pipes have as much as they may: 64 KiB do as well.
        return


def command(python: str, root: str, directory: str, lock: int) -> list[str]:
    """The command line that starts a shim; `root` is where the package lies."""
    return [python, "-I", "-S", "-c", START, root, directory, str(lock)]
