"""Why an attempt ended (SPEC 3, DESIGN 4.7)."""

from __future__ import annotations

import pytest

from skafos_tui.model.verdict import (
    End,
    Stop,
    StopKind,
    Verdict,
    VerdictKind,
    describe_exit,
    format_bytes,
    judge,
)

BY_ANN = Stop(StopKind.CANCELLED, "ann")
TOO_LONG = Stop(StopKind.TIMEOUT, "90s")
GIBIBYTE = 1 << 30


@pytest.mark.parametrize(
    ("end", "stop", "kind", "evidence"),
    [
        (End(0), None, VerdictKind.EXITED, ""),
        (End(3), None, VerdictKind.EXITED, "ended with exit 3"),
        (End(139), None, VerdictKind.EXITED, "ended with exit 139 (SIGSEGV)"),
        (End(255), None, VerdictKind.EXITED, "ended with exit 255"),
        (End(137), None, VerdictKind.KILLED, "exit 137 (SIGKILL), not sent by Skafos"),
        (End(143), None, VerdictKind.KILLED, "exit 143 (SIGTERM), not sent by Skafos"),
        (
            End(137, out_of_memory=True, memory_limit=GIBIBYTE),
            None,
            VerdictKind.OUT_OF_MEMORY,
            "limit 1.0Gi, peak 1.0Gi, ended with exit 137 (SIGKILL)",
        ),
        (
            End(1, out_of_memory=True, memory_limit=GIBIBYTE, peak_memory=GIBIBYTE // 2),
            None,
            VerdictKind.OUT_OF_MEMORY,
            "limit 1.0Gi, peak 512Mi, ended with exit 1",
        ),
        (End(137), BY_ANN, VerdictKind.CANCELLED, "by ann, ended with exit 137 (SIGKILL)"),
        (End(0), BY_ANN, VerdictKind.CANCELLED, "by ann, ended with exit 0"),
        (End(143), TOO_LONG, VerdictKind.TIMEOUT, "limit 90s, ended with exit 143 (SIGTERM)"),
        (End(0), TOO_LONG, VerdictKind.TIMEOUT, "limit 90s, ended with exit 0"),
        (End(137, out_of_memory=True, memory_limit=1), BY_ANN, VerdictKind.CANCELLED, None),
        (End(137, daemon_restarted=True), None, VerdictKind.LOST, None),
        (End(143, daemon_restarted=True), None, VerdictKind.LOST, None),
        (End(255, daemon_restarted=True), None, VerdictKind.LOST, None),
        (End(3, daemon_restarted=True), None, VerdictKind.EXITED, "ended with exit 3"),
        (End(0, daemon_restarted=True), None, VerdictKind.EXITED, ""),
        (End(255, daemon_restarted=True), BY_ANN, VerdictKind.CANCELLED, None),
        (End(None), None, VerdictKind.LOST, "the container is gone and its exit code with it"),
        (End(None, error="node gone"), None, VerdictKind.LOST, "node gone"),
    ],
)
def test_the_verdict_is_what_happened(end: End, stop: Stop | None, kind: VerdictKind, evidence: str | None) -> None:
    verdict = judge(end, stop)
    assert (verdict.kind, verdict.exit_code) == (kind, end.exit_code)
    if evidence is not None:
        assert verdict.evidence == evidence
    assert "\n" not in verdict.evidence


def test_only_exit_0_without_a_stop_of_ours_is_a_success() -> None:
    assert judge(End(0)).succeeded
    assert not judge(End(0), BY_ANN).succeeded
    assert not judge(End(0), TOO_LONG).succeeded
    assert not judge(End(1)).succeeded


def test_a_child_killed_for_memory_in_a_success_is_a_warning() -> None:
    verdict = judge(End(0, out_of_memory=True))
    assert (verdict.succeeded, verdict.warning) == (True, "a child process was killed for memory")
    assert judge(End(0)).warning is None


def test_verdicts_read_as_in_the_contract() -> None:
    assert Verdict(VerdictKind.EXITED, 0).text == "exit 0"
    assert Verdict(VerdictKind.EXITED, 75).text == "exit 75"
    assert [kind.value for kind in VerdictKind][1:] == [
        "out of memory",
        "timeout",
        "cancelled",
        "killed from outside",
        "could not start",
        "lost",
    ]


def test_exits_and_sizes_are_readable() -> None:
    assert (describe_exit(1), describe_exit(134)) == ("exit 1", "exit 134 (SIGABRT)")
    assert [format_bytes(n) for n in (None, 2048, 512 << 20, 3 << 29)] == ["?", "2Ki", "512Mi", "1.5Gi"]
