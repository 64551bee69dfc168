"""Where an attempt's cgroup is made, and what is asked of it, on a file tree in the kernel's place."""

from __future__ import annotations

from pathlib import Path

import pytest

from skafos_tui.runners.process import cgroups

GIB = 1 << 30


class Kernel:
    """A tree of cgroups: what is there can be written, and new directories get their files as the kernel makes them."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.files: tuple[str, ...] = ()
        monkeypatch.setattr(cgroups, "ROOT", str(root))
        monkeypatch.setattr(cgroups, "_mkdir", self._mkdir)

    def _mkdir(self, path: str) -> bool:
        Path(path).mkdir()
        for name in self.files:
            (Path(path) / name).write_text("")
        return True

    def directory(self, path: str, **files: str) -> None:
        place = self.root / path
        place.mkdir(parents=True)
        for name, text in files.items():
            (place / name.replace("__", ".")).write_text(text)


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    return Kernel(tmp_path / "cgroup", monkeypatch)


def unified(kernel: Kernel, monkeypatch: pytest.MonkeyPatch, own: str) -> None:
    kernel.directory("", cgroup__controllers="cpu memory pids")
    kernel.files = ("memory.max", "memory.swap.max", "cpu.max", "pids.max", "memory.events", "memory.peak")
    monkeypatch.setattr(cgroups, "_own_paths", lambda: {"": own})


def test_version_2_gets_one_beside_ours_with_what_is_handed_out_there(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    unified(kernel, monkeypatch, "/user/app.slice/skafos.service")
    kernel.directory("user/app.slice", cgroup__subtree_control="memory pids\n", cgroup__procs="")
    kernel.directory("user/app.slice/skafos.service", cgroup__subtree_control="", cgroup__procs="")
    made = cgroups.make("job")
    made.limit(memory=2 * GIB, cpu=1.5, pids=64)
    directory = kernel.root / "user/app.slice/job"
    assert (made.limits, made.directories) == ({"memory", "pids"}, [str(directory)])
    settings = {name: (directory / name).read_text() for name in kernel.files[:4]}
    assert settings == {"memory.max": str(2 * GIB), "memory.swap.max": "0", "cpu.max": "", "pids.max": "64"}
    assert (made.killed_for_memory(), made.peak()) == (False, None)
    (directory / "memory.events").write_text("low 0\nmax 7\noom 2\noom_kill 1\n")
    (directory / "memory.peak").write_text("123456\n")
    assert (made.killed_for_memory(), made.peak()) == (True, 123456)


def test_version_2_has_none_where_memory_is_not_handed_out_or_processes_can_not_be_moved(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    unified(kernel, monkeypatch, "/user/session.scope")
    kernel.directory("user", cgroup__subtree_control="memory pids")
    kernel.directory("user/session.scope", cgroup__subtree_control="", cgroup__procs="")
    made = cgroups.make("job")
    assert (made.limits, made.directories) == (frozenset(), [])
    assert not list(kernel.root.rglob("job"))


def test_version_1_gets_one_below_ours_for_each_controller_that_is_there(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel.directory("memory/docker/abc")
    kernel.directory("cpu")
    kernel.files = ("memory.limit_in_bytes", "memory.oom_control", "memory.max_usage_in_bytes", "cpu.cfs_quota_us")
    monkeypatch.setattr(cgroups, "_own_paths", lambda: {"memory": "/docker/abc", "cpu": "/of/the/host"})
    made = cgroups.make("job")
    made.limit(memory=GIB, cpu=0.25, pids=64)
    memory, cpu = kernel.root / "memory/docker/abc/job", kernel.root / "cpu/job"
    assert made.limits == {"memory", "cpu"} and set(made.directories) == {str(memory), str(cpu)}
    assert (memory / "memory.limit_in_bytes").read_text() == str(GIB)
    assert (cpu / "cpu.cfs_quota_us").read_text() == "25000"
    (memory / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 0\n")
    assert not made.killed_for_memory()


def test_a_limit_that_is_refused_does_not_count(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel.directory("memory")
    kernel.directory("cpu")
    kernel.files = ("memory.limit_in_bytes",)
    monkeypatch.setattr(cgroups, "_own_paths", dict)
    made = cgroups.make("job")
    made.limit(memory=GIB, cpu=1.0, pids=64)
    assert made.limits == {"memory"} and made.directories == [str(kernel.root / "memory/job")]
