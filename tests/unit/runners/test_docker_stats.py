"""Docker's stream of statistics: real frames of cgroup v1 and the form of v2, in pieces of any size."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skafos_tui.model.metrics import Sample
from skafos_tui.runners.docker.stats import Frames, parse_frame

V1: dict[str, Any] = {
    "read": "2026-11-23T22:00:06.678672913Z",
    "preread": "2026-11-23T22:00:05.674601118Z",
    "pids_stats": {"current": 2},
    "blkio_stats": {
        "io_service_bytes_recursive": [
            {"major": 254, "minor": 0, "op": "Read", "value": 4096},
            {"major": 254, "minor": 0, "op": "Write", "value": 20971520},
            {"major": 254, "minor": 0, "op": "Sync", "value": 20975616},
            {"major": 254, "minor": 0, "op": "Total", "value": 20975616},
            {"major": 7, "minor": 1, "op": "Read", "value": 8192},
        ],
        "io_serviced_recursive": [],
    },
    "num_procs": 0,
    "storage_stats": {},
    "cpu_stats": {
        "cpu_usage": {"total_usage": 1683368874, "percpu_usage": [48916132, 1634452742], "usage_in_kernelmode": 3},
        "system_cpu_usage": 31595420000000,
        "online_cpus": 2,
    },
    "memory_stats": {
        "usage": 25022464,
        "max_usage": 25120768,
        "stats": {"cache": 159744, "inactive_file": 4096, "rss": 24326144, "total_inactive_file": 12288},
        "limit": 67108864,
    },
    "name": "/skafos-1",
    "id": "ca8d9ef03012",
    "networks": {
        "eth0": {"rx_bytes": 486, "rx_packets": 5, "tx_bytes": 70, "tx_packets": 1},
        "eth1": {"rx_bytes": 14, "rx_packets": 1, "tx_bytes": 30, "tx_packets": 1},
    },
}
"""Recorded on Docker 20.10; block I/O and the second network are added, what nobody reads is left out."""
V2: dict[str, Any] = {
    **{key: value for key, value in V1.items() if key != "networks"},
    "pids_stats": {"current": 1, "limit": 9830},
    "blkio_stats": {
        "io_service_bytes_recursive": [
            {"major": 252, "minor": 0, "op": "read", "value": 16384},
            {"major": 252, "minor": 0, "op": "write", "value": 512},
        ],
        "io_serviced_recursive": None,
    },
    "memory_stats": {
        "usage": 12746752,
        "stats": {"anon": 11309056, "file": 884736, "inactive_file": 815104, "active_file": 69632, "pgscan": 0},
        "limit": 1073741824,
    },
}
ENDED = {
    "read": "0001-01-01T00:00:00Z",
    "preread": "0001-01-01T00:00:00Z",
    "pids_stats": {},
    "blkio_stats": {"io_service_bytes_recursive": None},
    "cpu_stats": {"cpu_usage": {"total_usage": 0}},
    "memory_stats": {},
    "name": "/skafos-1",
}


def parsed(frame: dict[str, Any]) -> Sample | None:
    """The sample in a frame."""
    return parse_frame(json.dumps(frame).encode())


def test_a_frame_of_cgroup_v1_is_read_as_docker_stats_shows_it() -> None:
    found = parsed(V1)
    assert found is not None
    assert found.at == pytest.approx(1795471206.678673, abs=1e-5)
    assert found.cpu_s == pytest.approx(1.683368874)
    assert (found.memory, found.memory_limit) == (25022464 - 12288, 67108864)
    assert (found.received, found.sent) == (500, 100)
    assert (found.read, found.written) == (12288, 20971520)
    assert found.processes == 2


def test_a_frame_of_cgroup_v2_without_network_is_read() -> None:
    found = parsed(V2)
    assert found is not None
    assert (found.memory, found.memory_limit) == (12746752 - 815104, 1 << 30)
    assert (found.received, found.sent) == (None, None)
    assert (found.read, found.written) == (16384, 512)


def test_cache_as_big_as_all_there_is_is_not_taken_off() -> None:
    found = parsed({**V2, "memory_stats": {"usage": 100, "stats": {"inactive_file": 100}, "limit": 200}})
    assert found is not None
    assert found.memory == 100


def test_where_nothing_was_read_or_written_that_is_none_of_it() -> None:
    found = parsed({**V2, "blkio_stats": {"io_service_bytes_recursive": None}})
    assert found is not None
    assert (found.read, found.written) == (0, 0)


def test_the_empty_frames_of_an_ended_container_are_no_samples() -> None:
    assert parsed(ENDED) is None
    assert parsed({**V1, "memory_stats": {}}) is None


@pytest.mark.parametrize("line", [b"{", b"[]", b"7", b"{}", b'{"read": 5}', b'{"message": "no"}'])
def test_what_is_no_frame_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError):
        parse_frame(line)


@given(st.data())
def test_lines_come_whole_however_the_connection_cuts_them(data: st.DataObject) -> None:
    lines = data.draw(st.lists(st.binary(min_size=1, max_size=40).filter(lambda b: b"\n" not in b and b.strip())))
    body = b"".join(line + b"\n" for line in lines)
    chunked = data.draw(st.booleans())
    if chunked:
        cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=5)))
        parts = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]
        body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts if part) + b"0\r\n\r\n"
    frames = Frames(chunked=chunked)
    found: list[bytes] = []
    while body:
        size = data.draw(st.integers(1, max(1, len(body))))
        found += frames.feed(body[:size])
        body = body[size:]
    assert found == lines
    assert frames.complete == chunked


def test_a_broken_encoding_is_refused() -> None:
    with pytest.raises(ValueError):
        Frames(chunked=True).feed(b"zz\r\n{}\r\n")
