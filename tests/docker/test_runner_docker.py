"""What is Docker's own about the Docker runner: who a job is, what it may, what it leaves alone."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from runner_attempts import Attempts

from skafos_tui.model.project import Segment, SegmentKind
from skafos_tui.runners.base import CouldNotStart, Mount, Phase, RunnerUnreachable
from skafos_tui.runners.docker.client import DockerClient
from skafos_tui.store.failpoints import on_failpoint

pytestmark = pytest.mark.docker


@pytest.fixture
def client() -> Iterator[DockerClient]:
    made = DockerClient()
    yield made
    made.close()


def inspect(client: DockerClient, name: str) -> dict[str, object]:
    return dict(client.call("inspect", lambda docker: docker.inspect_container(name)))


async def test_a_job_is_this_user_without_privileges(attempts: Attempts, client: DockerClient) -> None:
    code = """
import getpass, json, os
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
print(json.dumps([os.getuid(), os.getgid(), status["CapEff"], status["NoNewPrivs"], getpass.getuser()]))
print(os.path.exists("/var/run/docker.sock"), os.statvfs("/dev/shm").f_blocks * os.statvfs("/dev/shm").f_frsize)
open("written", "w").write("x")
"""
    ended = await attempts.run(attempts.python(code, memory=512 << 20))
    facts, rest = await attempts.texts(ended.name)
    assert json.loads(facts) == [os.geteuid(), os.getegid(), "0" * 16, "1", "skafos"]
    assert rest == f"False {512 << 20}"
    assert (attempts.project / "written").stat().st_uid == os.geteuid()
    host = inspect(client, ended.name)["HostConfig"]
    assert isinstance(host, dict)
    assert host["RestartPolicy"]["Name"] == "no" and host["AutoRemove"] is False
    assert (host["Memory"], host["MemorySwap"], host["PidsLimit"]) == (512 << 20, 512 << 20, 4096)
    assert host["LogConfig"]["Config"]["mode"] == "blocking"


async def test_a_foreign_container_with_our_name_is_left_alone(
    attempts: Attempts, client: DockerClient, base_image: str
) -> None:
    spec = attempts.python("print('ours')")
    config = {"Image": base_image, "Cmd": ["sleep", "60"], "HostConfig": {"NetworkMode": "none"}}
    client.call("create", lambda docker: docker.create_container_from_config(config, name=spec.name))
    try:
        client.call("start", lambda docker: docker.start(spec.name))
        with pytest.raises(CouldNotStart, match="docker rm"):
            await attempts.runner.create(spec)
        with pytest.raises(CouldNotStart):
            await attempts.runner.start(spec.name)
        await attempts.runner.signal(spec.name, "SIGKILL")
        await attempts.runner.remove(spec.name)
        assert await attempts.runner.inspect(spec.name) is None
        state = inspect(client, spec.name)["State"]
        assert isinstance(state, dict) and state["Running"] is True
    finally:
        client.call("remove", lambda docker: docker.remove_container(spec.name, force=True))


async def test_a_mount_whose_source_is_missing_could_not_start_and_makes_no_directory(attempts: Attempts) -> None:
    missing = attempts.project / "missing"
    with pytest.raises(CouldNotStart, match="missing") as raised:
        await attempts.started(attempts.python("pass", mounts=(Mount(missing, "/data"),)))
    assert "\n" not in str(raised.value)
    assert not missing.exists()


async def test_a_read_only_mount_can_not_be_written(attempts: Attempts, tmp_path: Path) -> None:
    mounts = (Mount(attempts.project, "/project"), Mount(tmp_path, "/kept", read_only=True))
    ended = await attempts.run(attempts.python("open('/kept/x', 'w')", mounts=mounts))
    assert ended.exit_code == 1
    assert "Read-only file system" in (await attempts.texts(ended.name))[-1]


async def test_a_command_that_does_not_exist_ends_with_127(attempts: Attempts) -> None:
    ended = await attempts.run(attempts.spec(Segment(SegmentKind.COMMAND, "no-such-program --x")))
    assert ended.exit_code == 127


async def test_more_cores_than_the_machine_has_are_clamped(attempts: Attempts) -> None:
    assert (await attempts.run(attempts.python("pass", cpu=512.0))).exit_code == 0


async def test_a_paused_attempt_can_be_cancelled(attempts: Attempts, client: DockerClient) -> None:
    name = await attempts.started(attempts.python("import time; print('ready'); time.sleep(60)"))
    await attempts.printed(name, "ready")
    client.call("pause", lambda docker: docker.pause(name))
    found = await attempts.runner.inspect(name)
    assert found is not None and found.phase is Phase.PAUSED
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
    for step in ("create", "start", "inspect", "logs", "list", "remove"):
        assert f"docker.{step}.before" in reached
        assert f"docker.{step}.after" in reached


async def test_another_daemon_at_the_same_address_counts_as_none(client: DockerClient) -> None:
    client.check_identity()
    own = client.daemon_id
    client._daemon_id = "ANOTHER"
    with pytest.raises(RunnerUnreachable, match="another Docker daemon"):
        client.check_identity()
    with pytest.raises(RunnerUnreachable, match="another Docker daemon"):
        client.call("list", lambda docker: docker.containers())
    client._daemon_id = own
    client.check_identity()
    client.call("list", lambda docker: docker.containers())


AS_ANOTHER_USER = """
import asyncio, os, sys
from pathlib import Path
from runner_attempts import Attempts
from skafos_tui.runners.docker.runner import DockerRunner

async def main(directory):
    runner = DockerRunner()
    attempts = Attempts(runner, sys.argv[1], directory)
    try:
        code = "import os; open('written', 'w').write(str(os.getuid())); raise SystemExit(9)"
        ended = await attempts.run(attempts.python(code))
        await attempts.texts(ended.name)
        return ended.exit_code, (attempts.project / "written").read_text()
    finally:
        await attempts.remove_all()
        await runner.close()

# Once as we are, so that all is imported: this interpreter may lie where the other user can't go.
asyncio.run(main(Path(sys.argv[2])))
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(int(sys.argv[5]))
    os.setuid(int(sys.argv[4]))
print(*asyncio.run(main(Path(sys.argv[3]))))
"""


def test_a_user_who_is_not_root_runs_jobs_in_a_directory_only_he_may_enter(base_image: str, tmp_path: Path) -> None:
    as_root = os.geteuid() == 0
    user = pwd.getpwnam("nobody").pw_uid if as_root else os.geteuid()
    group = Path("/var/run/docker.sock").stat().st_gid if as_root else os.getegid()
    # pytest's own directories are closed to other users further up.
    directory = Path(tempfile.mkdtemp(prefix="skafos-user-", dir="/tmp"))
    try:
        os.chown(directory, user, group)
        assert directory.stat().st_mode & 0o777 == 0o700
        result = subprocess.run(
            [sys.executable, "-c", AS_ANOTHER_USER, base_image, str(tmp_path), str(directory), str(user), str(group)],
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(directory),
                "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            },
            capture_output=True,
            text=True,
            timeout=60,
        )
    finally:
        shutil.rmtree(directory)
    assert (result.stdout.strip(), result.stderr) == (f"9 {user}", "")
