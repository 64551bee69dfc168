"""The pure parts of the Docker runner: addresses, times, facts of the host, requirements, sources, restarts."""

from __future__ import annotations

from pathlib import Path

import pytest

from skafos_tui.model.project import Segment, SegmentKind
from skafos_tui.runners import requirements
from skafos_tui.runners.base import LABEL_ENGINE, LABEL_NAME, LABEL_SPEC, AttemptSpec, Phase, RunnerUnreachable
from skafos_tui.runners.docker import bootstrap, containers
from skafos_tui.runners.docker.client import find_address, parse_address, why_unreachable
from skafos_tui.runners.docker.daemon import DaemonLife, ended_by_restart
from skafos_tui.runners.docker.events import parse_event
from skafos_tui.runners.docker.host import parse_info, runner_info
from skafos_tui.runners.docker.streams import parse_head
from skafos_tui.runners.docker.times import parse_time

INFO = {
    "ServerVersion": "28.0.1",
    "NCPU": 4,
    "MemTotal": 8 << 30,
    "Driver": "overlay2",
    "DockerRootDir": "/var/lib/docker",
    "CgroupVersion": "2",
    "SecurityOptions": ["name=seccomp,profile=builtin", "name=cgroupns"],
    "Warnings": ["WARNING: No swap limit support"],
}


def test_docker_host_decides_where_docker_is() -> None:
    assert find_address({"DOCKER_HOST": "unix:///x/d.sock"}).url == "unix:///x/d.sock"
    found = parse_address("tcp://h:2376", {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/certs"})
    assert (found.url, found.tls_directory, found.tls_verify) == ("tcp://h:2376", Path("/certs"), True)
    assert parse_address("tcp://h", {}).port == 2375


@pytest.mark.parametrize("url", ["ssh://me@h", "npipe:////./pipe/docker", "nonsense"])
def test_an_address_that_can_not_be_used_says_which_can(url: str) -> None:
    with pytest.raises(RunnerUnreachable, match="unix:// or tcp://"):
        parse_address(url, {})


def test_a_socket_without_a_listener_is_one_line(tmp_path: Path) -> None:
    import socket

    path = tmp_path / "d.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
    message = why_unreachable(find_address({"DOCKER_HOST": f"unix://{path}"}))
    assert message.startswith(f"Docker does not answer at unix://{path}: connection refused")
    assert "\n" not in message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-23T17:50:00.123456789Z", 1795456200.123456789),
        ("2026-11-23T17:50:00Z", 1795456200.0),
        ("2026-11-23T18:50:00.5+01:00", 1795456200.5),
        ("0001-01-01T00:00:00Z", None),
        ("", None),
    ],
)
def test_times_of_docker(text: str, expected: float | None) -> None:
    assert parse_time(text) == expected


def test_the_machine_keeps_some_memory_for_itself() -> None:
    info = runner_info(parse_info(INFO), "unix:///d.sock")
    assert info.capacity.cpu == 4.0
    assert info.capacity.memory == (8 << 30) - (512 << 20)
    assert runner_info(parse_info({**INFO, "MemTotal": 100 << 30}), "").capacity.memory == (95 << 30)
    assert info.details["warnings"] == "No swap limit support"
    assert info.details["cgroup_version"] == "2"


def spec() -> AttemptSpec:
    return AttemptSpec(
        "n", {LABEL_ENGINE: "e"}, "i", (Segment(SegmentKind.SCRIPT, "a.py", "a.py"),), {"HOME": "/x"}, (), 2.5, 1 << 30
    )


def test_a_container_is_this_user_with_nothing_but_what_it_needs() -> None:
    config = containers.container_config(spec(), parse_info(INFO), (1000, 1001))
    host = config["HostConfig"]
    assert (config["User"], config["Cmd"]) == ("1000:1001", ["python", "a.py"])
    assert config["Labels"] == {LABEL_ENGINE: "e", LABEL_NAME: spec().name, LABEL_SPEC: spec().digest()}
    assert "HOME=/x" in config["Env"]
    assert (host["CapDrop"], host["SecurityOpt"], host["Init"]) == (["ALL"], ["no-new-privileges"], True)
    assert (host["NanoCpus"], host["Memory"], host["MemorySwap"]) == (2_500_000_000, 1 << 30, 1 << 30)


def test_rootless_docker_maps_its_root_to_this_user() -> None:
    rootless = parse_info({**INFO, "SecurityOptions": ["name=seccomp,profile=builtin", "name=rootless"]})
    assert containers.container_config(spec(), rootless, (1000, 1000))["User"] == "0:0"


def test_selinux_does_not_shut_the_job_out_of_its_directories() -> None:
    selinux = parse_info({**INFO, "SecurityOptions": ["name=selinux"]})
    config = containers.container_config(spec(), selinux, (1000, 1000))
    assert "label=disable" in config["HostConfig"]["SecurityOpt"]


def test_an_observation_says_what_inspect_says() -> None:
    found = {
        "Config": {"Labels": None},
        "State": {
            "StartedAt": "2026-11-23T17:50:00Z",
            "FinishedAt": "2026-11-23T17:50:01.5Z",
            "ExitCode": 137,
            "OOMKilled": True,
            "Error": "",
        },
    }
    ended = containers.observation("n", found, Phase.ENDED, restarted=False)
    assert (ended.exit_code, ended.out_of_memory, ended.ended_at) == (137, True, 1795456201.5)
    running = containers.observation("n", found, Phase.RUNNING, restarted=False)
    assert (running.exit_code, running.ended_at) == (None, None)


NOW = DaemonLife("2:200", began_at=1000.0)


@pytest.mark.parametrize(
    ("seen_in", "started_at", "exit_code", "live_restore", "expected"),
    [
        ("1:100", 900.0, 137, False, True),  # seen under the daemon before this one
        ("2:200", 900.0, 137, False, False),  # same daemon, whatever the clock says
        (None, 900.0, 255, False, True),  # nobody watched: it began before the daemon
        (None, 1001.0, 137, False, False),
        (None, None, 137, False, False),
        ("1:100", 900.0, 137, True, False),  # live-restore: a restart ends nothing
        ("1:100", 900.0, 255, True, True),  # but a reboot does
    ],
)
def test_only_a_restart_that_may_have_ended_the_attempt_counts(
    seen_in: str | None, started_at: float | None, exit_code: int, live_restore: bool, expected: bool
) -> None:
    assert (
        ended_by_restart(NOW, seen_in, started_at=started_at, exit_code=exit_code, live_restore=live_restore)
        is expected
    )


def test_events_are_read_between_the_sizes_of_chunks() -> None:
    assert parse_event(b"1f4\r") is None
    event = parse_event(b'{"Action":"die","Actor":{"Attributes":{"name":"skafos-1"}}}')
    assert event is not None and (event.name, event.action) == ("skafos-1", "die")


def test_the_head_of_an_answer() -> None:
    assert parse_head(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked") == (200, True)
    with pytest.raises(ValueError, match="not Docker"):
        parse_head(b"SSH-2.0-OpenSSH_9.2")


def test_requirements_differ_only_where_it_counts() -> None:
    written = b"\xef\xbb\xbf# why\r\n\r\nnumpy  >=1.2  # fast\r\npandas \\\r\n  ==2\r\nx @ https://h/x#egg=x\r\n"
    assert requirements.normalise(written) == "numpy >=1.2\npandas ==2\nx @ https://h/x#egg=x\n"
    assert requirements.normalise(None) == requirements.normalise(b"\n# none\n") == ""


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("-r other.txt", True),
        ("-e .", True),
        ("./pkg", True),
        ("pkg @ file:///project/pkg", True),
        ("--index-url https://h/simple", False),
        ("numpy==1.0", False),
        ("requests[socks]", False),
    ],
)
def test_requirements_that_name_files_need_the_code(line: str, expected: bool) -> None:
    assert requirements.needs_code(f"{line}\n") is expected


def test_the_line_of_pip_that_decided_is_found() -> None:
    log = [
        "ERROR: Could not find a version that satisfies the requirement x==9 (from versions: 1.0)",
        "ERROR: No matching distribution found for x==9",
        "WARNING: You are using pip version 1",
    ]
    assert requirements.decisive_line(log) == "No matching distribution found for x==9"
    assert requirements.decisive_line(["a", "  error: command 'gcc' failed", "b"]) == "error: command 'gcc' failed"
    assert requirements.decisive_line(["last"]) == "last"
    assert requirements.decisive_line([]) == "pip said nothing"


def test_the_hosts_own_sources_are_used_and_third_parties_are_not(tmp_path: Path) -> None:
    (tmp_path / "sources.list").write_text(
        "# deb http://old bookworm main\ndeb [signed-by=/k.gpg] http://m/debian bookworm-updates main # x\n"
        "deb http://apt.postgresql.org/pub bookworm-pgdg main\ndeb-src http://m/debian bookworm main\n"
    )
    parts = tmp_path / "sources.list.d"
    parts.mkdir()
    (parts / "debian.sources").write_text(
        "# ours\nTypes: deb\nURIs: http://m/debian\nSuites: bookworm bookworm-security\nComponents: main\n"
        "Signed-By: /k.gpg\n\nTypes: deb\nURIs: http://off\nSuites: bookworm\nComponents: main\nEnabled: no\n"
    )
    (parts / "docker.list").write_text("deb http://download.docker.com/linux/debian bookworm stable\n")
    (parts / "broken.list.save").write_text("deb http://no bookworm main\n")
    found = bootstrap.host_sources(tmp_path, "bookworm", universe=False)
    assert [suffix for suffix, _ in found] == [".list", ".sources"]
    assert found[0][1] == "deb [signed-by=/k.gpg] http://m/debian bookworm-updates main # x\n"
    assert "Signed-By: /k.gpg" in found[1][1] and "http://off" not in found[1][1]


def test_ubuntu_gets_universe_where_it_keeps_venv(tmp_path: Path) -> None:
    (tmp_path / "sources.list").write_text(
        "deb http://m/ubuntu noble main restricted\ndeb http://m/u noble main universe\n"
    )
    [(_, text)] = bootstrap.host_sources(tmp_path, "noble", universe=True)
    assert text.splitlines() == [
        "deb http://m/ubuntu noble main universe restricted",
        "deb http://m/u noble main universe",
    ]


def test_os_release_is_read_with_and_without_quotes() -> None:
    text = 'ID=ubuntu\nPRETTY_NAME="Ubuntu 24.04"\n# x\nVERSION_CODENAME=noble\n'
    assert bootstrap.parse_release(text) == {
        "ID": "ubuntu",
        "PRETTY_NAME": "Ubuntu 24.04",
        "VERSION_CODENAME": "noble",
    }
