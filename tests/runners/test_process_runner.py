"""What is the process runner's own: nothing outlives an attempt, everything outlives the engine."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import pytest
from runner_attempts import Attempts

from skafos_tui.model.project import Segment, SegmentKind
from skafos_tui.model.verdict import End, VerdictKind, judge
from skafos_tui.runners.base import CouldNotStart, Mount, Phase
from skafos_tui.runners.process import attempts as attempts_module
from skafos_tui.runners.process import files
from skafos_tui.runners.process.runner import ProcessRunner
from skafos_tui.store.failpoints import on_failpoint
from skafos_tui.store.logs.format import time_of

WAITS = "import time; print('ready'); time.sleep(60)"


@pytest.fixture
def kind() -> str:
    """These tests are about one runner."""
    return "process"


@pytest.fixture
async def second(process_home: tuple[Path, str]) -> AsyncIterator[ProcessRunner]:
    """Another engine's runner on the same directory."""
    made = ProcessRunner(process_home[0])
    yield made
    await made.close()


@pytest.fixture
def directory(process_home: tuple[Path, str]) -> Path:
    """Where the attempts lie."""
    return process_home[0] / "attempts"


@pytest.fixture
def pids(tmp_path: Path) -> Iterator[Pids]:
    """Processes that say who they are."""
    yield Pids(tmp_path / "pids")


class Pids:
    """A file that processes of an attempt write their pids to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.say = f"import os; open({str(path)!r}, 'a').write(f'{{os.getpid()}}\\n')"

    async def wait(self, count: int) -> list[int]:
        async with asyncio.timeout(20):
            while True:
                found = self.path.read_text().split() if self.path.exists() else []
                if len(found) >= count:
                    return [int(pid) for pid in found]
                await asyncio.sleep(0.02)

    async def gone(self) -> bool:
        """Whether all have ended, at the latest in a moment."""
        found = [int(pid) for pid in self.path.read_text().split()]
        for _ in range(100):
            if not any(psutil.pid_exists(pid) for pid in found):
                return True
            await asyncio.sleep(0.02)
        return False


def shim_of(directory: Path, name: str) -> int:
    return int(json.loads((directory / name / files.STARTED).read_text())["pid"])


ENGINE = """
import asyncio, os, pathlib, signal, sys
sys.path.insert(0, sys.argv[1])
from runner_attempts import Attempts
from skafos_tui.runners.process.runner import ProcessRunner

async def main():
    attempts = Attempts(ProcessRunner(pathlib.Path(sys.argv[2])), sys.argv[3], pathlib.Path(sys.argv[4]))
    code = "import time\\nfor n in range(8): print(n); time.sleep(0.1)\\nraise SystemExit(7)"
    name = await attempts.started(attempts.python(code))
    await attempts.printed(name, "1")
    print(name, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


async def test_a_killed_engine_ends_no_job_and_the_next_one_finds_its_log_and_its_end(
    process_home: tuple[Path, str], second: ProcessRunner, tmp_path: Path
) -> None:
    home, image = process_home
    engine = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", ENGINE, str(Path(__file__).parent), str(home), image, str(tmp_path)),
        stdout=subprocess.PIPE,
    )
    said, _ = await engine.communicate()
    assert engine.returncode == -signal.SIGKILL
    name = said.decode().strip()
    (tmp_path / "second").mkdir()
    after = Attempts(second, image, tmp_path / "second")
    found = await second.inspect(name)
    assert found is not None and found.phase is Phase.RUNNING
    followed = await after.read(name, follow=True)
    ended = await after.ended(name)
    assert (ended.exit_code, ended.daemon_restarted, ended.log_cut, ended.error) == (7, False, False, "")
    assert [line.split(b" ", 3)[3] for line in followed] == [b"%d" % n for n in range(8)]
    await second.remove(name)


async def test_another_engine_can_signal_and_remove_what_it_did_not_start(
    attempts: Attempts, second: ProcessRunner, pids: Pids
) -> None:
    code = f"{pids.say}\nimport time; time.sleep(60)"
    name, other = [await attempts.started(attempts.python(code)) for _ in range(2)]
    await pids.wait(2)
    await second.signal(name, "SIGTERM")
    assert (await attempts.ended(name)).exit_code == 143
    await second.remove(other)
    assert await second.inspect(other) is None
    assert await pids.gone()


async def test_an_attempt_whose_shim_was_killed_is_lost_and_nothing_of_it_goes_on(
    attempts: Attempts, directory: Path, pids: Pids
) -> None:
    child = f"{pids.say}; import time; time.sleep(60)"
    code = f"import subprocess, sys, time; {pids.say}\n"
    code += f"subprocess.Popen([sys.executable, '-c', {child!r}], start_new_session=True); time.sleep(60)"
    name = await attempts.started(attempts.python(code))
    await pids.wait(2)
    os.kill(shim_of(directory, name), signal.SIGKILL)
    ended = await attempts.ended(name)
    assert ended.exit_code is None and ended.log_cut and not ended.daemon_restarted
    assert ended.started_at is not None, "else it would count as never started"
    verdict = judge(End(ended.exit_code, error=ended.error))
    assert (verdict.kind, verdict.evidence) == (VerdictKind.LOST, "its process is gone without an exit code")
    assert await pids.gone()


async def test_a_job_ends_with_its_shim_also_while_no_engine_looks(
    attempts: Attempts, directory: Path, pids: Pids
) -> None:
    name = await attempts.started(attempts.python(f"{pids.say}\nimport time; time.sleep(60)"))
    await pids.wait(1)
    os.kill(shim_of(directory, name), signal.SIGKILL)
    assert await pids.gone()


async def test_an_attempt_that_ran_between_a_starters_look_and_its_claim_is_not_run_again(
    attempts: Attempts, monkeypatch: pytest.MonkeyPatch, second: ProcessRunner, directory: Path
) -> None:
    spec = attempts.python("print('once')")
    shims: list[int] = []
    await attempts.runner.create(spec)
    real, loop = files.try_lock, asyncio.get_running_loop()

    async def run_by_another() -> None:
        await second.start(spec.name)
        await attempts.ended(spec.name)
        shims.append(shim_of(directory, spec.name))

    def try_lock(path: str) -> int | None:
        monkeypatch.setattr(files, "try_lock", real)
        asyncio.run_coroutine_threadsafe(run_by_another(), loop).result(20)
        while files.is_locked(path):
            time.sleep(0.01)
        return real(path)

    monkeypatch.setattr(files, "try_lock", try_lock)
    await attempts.runner.start(spec.name)
    assert [shim_of(directory, spec.name)] == shims


async def test_events_tell_of_a_killed_shim_at_once(attempts: Attempts, directory: Path) -> None:
    before = await attempts.started(attempts.python(WAITS))
    events = attempts.runner.events(attempts.engine)
    assert (await anext(events)).name == ""
    waiting = asyncio.ensure_future(anext(events))
    after = await attempts.started(attempts.python(WAITS))
    for name in (before, after):
        os.kill(shim_of(directory, name), signal.SIGKILL)
        event = await asyncio.wait_for(waiting, 5)
        assert (event.name, event.action) == (name, "die")
        waiting = asyncio.ensure_future(anext(events))
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await events.aclose()  # type: ignore[attr-defined]


async def test_an_engine_that_dies_between_its_claim_and_the_start_leaves_a_lost_attempt_that_never_starts(
    attempts: Attempts,
) -> None:
    def die(name: str) -> None:
        if name == "process.claim.after":
            raise KeyboardInterrupt

    spec = attempts.python("print('ran')")
    await attempts.runner.create(spec)
    on_failpoint(die)
    try:
        with pytest.raises(KeyboardInterrupt):
            attempts.runner._attempts.start(spec.name)  # type: ignore[attr-defined]
    finally:
        on_failpoint(None)
    await attempts.runner.start(spec.name)
    found = await attempts.runner.inspect(spec.name)
    assert found is not None and (found.phase, found.exit_code) == (Phase.ENDED, None)
    assert found.started_at is not None and found.error
    assert await attempts.texts(spec.name) == []


async def test_a_pid_that_was_given_again_is_not_taken_for_the_job(attempts: Attempts, directory: Path) -> None:
    name = await attempts.started(attempts.python(WAITS))
    started = directory / name / files.STARTED
    shim = shim_of(directory, name)
    os.kill(shim, signal.SIGKILL)
    await attempts.ended(name)
    other = await asyncio.create_subprocess_exec("sleep", "60")
    try:
        started.write_text(json.dumps({**json.loads(started.read_text()), "pid": other.pid}))
        found = await attempts.runner.inspect(name)
        assert found is not None and (found.phase, found.exit_code) == (Phase.ENDED, None)
        await attempts.runner.signal(name, "SIGKILL")
        await attempts.runner.remove(name)
        assert other.returncode is None
    finally:
        other.kill()
        assert await other.wait() == -signal.SIGKILL


async def test_after_a_reboot_everything_has_ended_and_signals_of_the_shutdown_are_no_failures(
    attempts: Attempts, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = await attempts.started(attempts.python(WAITS))
    gone = await attempts.started(attempts.python(WAITS))
    await attempts.runner.signal(told, "SIGTERM")
    await attempts.ended(told)
    os.kill(shim_of(directory, gone), signal.SIGKILL)
    await attempts.ended(gone)
    monkeypatch.setattr(attempts_module, "boot_id", lambda: "the next boot")
    for name, code in ((told, 143), (gone, None)):
        found = await attempts.runner.inspect(name)
        assert found is not None
        assert (found.phase, found.exit_code, found.daemon_restarted) == (Phase.ENDED, code, True)
        verdict = judge(End(code, daemon_restarted=found.daemon_restarted, error=found.error))
        assert verdict.kind is VerdictKind.LOST and "the machine was restarted under it" in verdict.evidence


@pytest.mark.parametrize("end", ["itself", "SIGTERM", "SIGKILL", "remove"])
async def test_no_process_outlives_its_attempt_whatever_it_does(attempts: Attempts, pids: Pids, end: str) -> None:
    """A grandchild in a session of its own, without a parent, deaf to SIGTERM, that holds the pipes open."""
    grandchild = f"import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); {pids.say}; time.sleep(60)"
    middle = f"import os, subprocess, sys; subprocess.Popen([sys.executable, '-c', {grandchild!r}])"
    code = f"import subprocess, sys, time; {pids.say}\n"
    code += f"subprocess.run([sys.executable, '-c', {middle!r}], start_new_session=True)\n"
    code += f"while open({str(pids.path)!r}).read().count('\\n') < 2: time.sleep(0.01)\nprint('last')\n"
    name = await attempts.started(attempts.python(code if end == "itself" else f"{code}time.sleep(60)"))
    if end != "itself":
        await attempts.printed(name, "last")
    if end.startswith("SIG"):
        await attempts.runner.signal(name, end)
    if end == "remove":
        await attempts.runner.remove(name)
    else:
        ended = await attempts.ended(name)
        assert ended.exit_code == {"itself": 0, "SIGTERM": 143, "SIGKILL": 137}[end]
        assert await attempts.texts(name) == ["last"]
    assert await pids.gone()


async def test_shims_are_nobodys_children_and_leave_no_zombies(attempts: Attempts, directory: Path) -> None:
    names = [await attempts.started(attempts.python(WAITS)) for _ in range(2)]
    shims = [shim_of(directory, name) for name in names]
    assert not {child.pid for child in psutil.Process().children()} & set(shims)
    for name in names:
        await attempts.runner.remove(name)
    left = [psutil.Process(pid) for pid in shims if psutil.pid_exists(pid)]
    _, alive = await asyncio.to_thread(psutil.wait_procs, left, 5)
    assert not alive
    assert not [child for child in psutil.Process().children() if child.status() == psutil.STATUS_ZOMBIE]


async def test_a_million_lines_come_whole_and_in_order(attempts: Attempts) -> None:
    code = (
        "import sys\nfor n in range(0, 1_000_000, 1000): sys.stdout.write(''.join(f'{m}\\n' for m in range(n, n+1000)))"
    )
    name = await attempts.started(attempts.python(code))
    followed = await attempts.read(name, follow=True)
    ended = await attempts.ended(name)
    lines = await attempts.read(name)
    assert len(lines) == 1_000_000
    assert [line[40:] for line in lines] == [b"%d" % n for n in range(1_000_000)]
    assert followed == lines
    times = [time_of(line) for line in lines]
    assert all(before < after for before, after in itertools.pairwise(times))
    assert ended.started_at is not None and ended.ended_at is not None
    assert ended.started_at <= times[0] / 1e9 and times[-1] / 1e9 <= ended.ended_at + 0.01


async def test_a_line_is_in_the_log_within_a_tenth_of_a_second(attempts: Attempts) -> None:
    code = "import time\nfor n in range(30): print(time.time_ns(), flush=True); time.sleep(0.01)"
    ended = await attempts.run(attempts.python(code))
    late = [time_of(line) - int(line[40:]) for line in await attempts.read(ended.name)]
    assert len(late) == 30 and sorted(late)[15] < 100_000_000


async def test_data_and_secrets_are_found_by_their_variables(attempts: Attempts, tmp_path: Path) -> None:
    data, secrets = tmp_path / "data", tmp_path / "secrets"
    data.mkdir()
    secrets.mkdir()
    (secrets / "KEY").write_text("hush")
    code = """
import os
with open(os.environ["SKAFOS_SECRETS"] + "/KEY") as key, open(os.environ["SKAFOS_DATA"] + "/x", "w") as file:
    print(key.read(), file=file)
"""
    mounts = (Mount(attempts.project, "/project"), Mount(data, "/data"), Mount(secrets, "/run/secrets", read_only=True))
    spec = attempts.python(code, mounts=mounts, environment={"SKAFOS_DATA": "/data", "HUSH": "hush"})
    assert (await attempts.run(spec)).exit_code == 0
    assert (data / "x").read_text() == "hush\n"


async def test_what_an_attempt_holds_is_for_this_user_only(attempts: Attempts, directory: Path) -> None:
    spec = attempts.python("open('made', 'w')", environment={"KEY": "hush"})
    before = os.umask(0o077)
    try:
        await attempts.run(spec)
    finally:
        os.umask(before)
    held = [directory, *(directory / spec.name).iterdir()]
    assert [path.name for path in held if path.stat().st_mode & 0o077] == []
    assert (attempts.project / "made").stat().st_mode & 0o777 == 0o644


async def test_nothing_of_the_engines_own_environment_reaches_a_job(
    attempts: Attempts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    ended = await attempts.run(attempts.python("import os, sys; print(sorted(os.environ), sys.prefix)"))
    [text] = await attempts.texts(ended.name)
    assert "AWS" not in text and "PYTHONUNBUFFERED" in text
    assert "/environments/" in text


async def test_each_attempt_has_a_copy_of_the_code_that_it_may_write_and_a_home(attempts: Attempts) -> None:
    segment = Segment(SegmentKind.COMMAND, "echo '# mine' >> main.py && mkdir ~/once && cat main.py")
    for _ in range(2):
        ended = await attempts.run(attempts.spec(segment, mounts=()))
        assert await attempts.texts(ended.name) == ["print('main')", "# mine"]


async def test_a_command_that_does_not_exist_ends_with_127_and_says_so(attempts: Attempts) -> None:
    ended = await attempts.run(attempts.spec(Segment(SegmentKind.COMMAND, "no-such-program --x")))
    assert ended.exit_code == 127
    assert await attempts.texts(ended.name) == ["no-such-program: No such file or directory"]


async def test_a_mount_whose_source_is_missing_could_not_start(attempts: Attempts) -> None:
    missing = attempts.project / "missing"
    with pytest.raises(CouldNotStart, match="missing"):
        await attempts.started(attempts.python("pass", mounts=(Mount(missing, "/data"),)))
    assert not missing.exists()


async def test_a_shim_that_can_not_be_started_could_not_start(
    attempts: Attempts, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = attempts.python("pass")
    await attempts.runner.create(spec)
    monkeypatch.setattr(attempts_module.sys, "executable", "/no/python")
    with pytest.raises(CouldNotStart, match="/no/python"):
        await attempts.runner.start(spec.name)
    found = await attempts.runner.inspect(spec.name)
    assert found is not None and found.phase is Phase.ENDED and found.started_at is None
    assert "/no/python" in found.error


async def test_a_signal_that_comes_at_the_start_is_not_lost(attempts: Attempts) -> None:
    name = await attempts.started(attempts.spec(Segment(SegmentKind.COMMAND, "sleep 60")))
    await attempts.runner.signal(name, "SIGTERM")
    assert (await attempts.ended(name)).exit_code == 143


async def test_every_call_passes_its_failpoints(attempts: Attempts) -> None:
    reached: list[str] = []
    on_failpoint(reached.append)
    try:
        spec = attempts.python("pass")
        await attempts.run(spec)
        await attempts.read(spec.name)
        await attempts.runner.list_attempts(attempts.engine)
        await attempts.runner.signal(spec.name, "SIGTERM")
        await attempts.runner.remove(spec.name)
    finally:
        on_failpoint(None)
    for step in ("create", "start", "inspect", "logs", "list", "kill", "remove"):
        assert f"process.{step}.before" in reached
        assert f"process.{step}.after" in reached


async def test_nothing_of_a_removed_attempt_is_left(attempts: Attempts, directory: Path) -> None:
    name = await attempts.started(attempts.python(WAITS))
    started = json.loads((directory / name / files.STARTED).read_text())
    await attempts.runner.remove(name)
    assert not [path for path in (directory / name, *map(Path, started["cgroups"])) if path.exists()]
    assert list((directory.parent / "making").iterdir()) == []


async def test_the_doctor_says_what_is_missing(attempts: Attempts) -> None:
    found = {check["name"]: check for check in await attempts.runner.doctor()}  # type: ignore[attr-defined]
    assert found["processes"]["good"] and "Python" in found["processes"]["detail"]
    assert not found["isolation"]["good"] and not found["isolation"]["needed"] and found["isolation"]["remedy"]
    assert {"limit of memory", "limit of cpu", "limit of pids"} <= found.keys()


AS_ANOTHER_USER = """
import asyncio, json, os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from runner_attempts import TOKEN, Attempts, archive_of
from skafos_tui.runners.base import ImageRequest
from skafos_tui.runners.process.runner import ProcessRunner

async def main(directory):
    runner = ProcessRunner(directory / "process")
    archive, digest = archive_of({"main.py": "pass"}, directory)
    built = await runner.build(ImageRequest(TOKEN, None, None, archive, digest), lambda line: None)
    attempts = Attempts(runner, built.reference, directory)
    try:
        code = "import os; open('written', 'w').write(str(os.getuid())); print(len(os.sched_getaffinity(0))); exit(9)"
        ended = await attempts.run(attempts.python(code, cpu=0.5))
        cores = await attempts.texts(ended.name)
        hungry = "import time; b = b'x' * (200 << 20); time.sleep(20)"
        memory = await attempts.run(attempts.python(hungry, memory=64 << 20))
        uid = (attempts.project / "written").read_text()
        return ended.exit_code, uid, *cores, memory.exit_code, memory.out_of_memory
    finally:
        await attempts.remove_all()
        await runner.close()

# Once as we are, so that all is imported: this interpreter may lie where the other user can't go.
asyncio.run(main(Path(sys.argv[2])))
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(int(sys.argv[5]))
    os.setuid(int(sys.argv[4]))
    sys.executable = sys._base_executable = sys.argv[6]
    os.environ["HOME"] = "/"
print(json.dumps(asyncio.run(main(Path(sys.argv[3])))))
"""


def test_a_user_who_is_not_root_runs_jobs_with_limits(tmp_path: Path) -> None:
    user = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    first, own = tmp_path, Path(tempfile.mkdtemp(prefix="skafos-", dir="/tmp"))
    second = own / "second"
    second.mkdir()
    (first / "first").mkdir()
    try:
        if os.geteuid() == 0:
            own.chmod(0o755)
            os.chown(second, user.pw_uid, user.pw_gid)
        python = sys.executable if os.geteuid() else shutil.which("python3", path="/usr/bin:/usr/local/bin")
        assert python is not None, "a Python that every user may run"
        arguments = [str(first / "first"), str(second), str(user.pw_uid), str(user.pw_gid), python]
        ran = subprocess.run(
            [sys.executable, "-c", AS_ANOTHER_USER, str(Path(__file__).parent), *arguments],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert ran.returncode == 0, ran.stderr
        code, uid, cores, memory, out_of_memory = json.loads(ran.stdout)
        assert (code, uid) == (9, str(user.pw_uid))
        assert (memory, out_of_memory) == (137, True)
        assert int(cores) >= 1
    finally:
        shutil.rmtree(own)
