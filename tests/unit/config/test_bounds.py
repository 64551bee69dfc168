"""Whatever the bytes are, a reading ends soon and answers with findings."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
import yaml
from config_samples import GOOD, assert_fixes_hold, brief, codes, read
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skafos_tui.config import nodes
from skafos_tui.config.nodes import NodeError, compose
from skafos_tui.config.reader import ConfigUnreadable, read_config

REAL = sorted((Path(__file__).parents[2] / "data" / "real-configs").glob("*.yml"))
LAUGHS = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 10))

BOMBS = [
    (b"x" * (2**20 + 1), "too-large"),
    (b"# " + b"x" * (2 * 2**20), "too-large"),
    (b"[" * 100_000, "too-deep"),
    (b"- " * 100_000, "too-deep"),
    (b"{a: " * 100_000, "too-deep"),
    (b"? " * 100_000, "too-deep"),
    (b"\n".join(b" " * i + b"a:" for i in range(60)), "too-deep"),
    (LAUGHS.encode(), "too-many-aliases"),
    (b"a: &a x\nb: [" + b"*a, " * 200_000 + b"]\n", "too-many-aliases"),
    (b"a: &a [" + b"1, " * 1000 + b"]\nb: [" + b"*a, " * 100 + b"]\n", "too-many-aliases"),
    (b"\0" * 1000, "yaml-syntax"),
    (b"name: a\0b\n", "yaml-syntax"),
    (b"name: \xff\xfe\n", "yaml-syntax"),
    ("name: x\n".encode("utf-16"), "yaml-syntax"),
    ("name: x\n".encode("utf-16-le"), "yaml-syntax"),
    (b"name: \x1b[31m\n", "yaml-syntax"),
    (b"name: [a\n", "yaml-syntax"),
    (b"name: 'a\n", "yaml-syntax"),
    (b"name: *nobody\n", "yaml-syntax"),
    (b"a: &a [*a]\n", "yaml-syntax"),
    (b"name: x\n---\nname: y\n", "yaml-syntax"),
    (b"%YAML 9.9\n", "yaml-syntax"),
    (b"", "missing-key"),
    (b"# nothing\n", "missing-key"),
    (b"\xef\xbb\xbf", "missing-key"),
    (b"~", "missing-key"),
    (b"- a\n", "wrong-type"),
    (b"just words\n", "wrong-type"),
]


@pytest.mark.parametrize(("data", "code"), BOMBS)
def test_a_file_that_is_no_config_gives_one_clear_finding_quickly(data: bytes, code: str) -> None:
    begin = time.process_time()
    result = read(data)
    assert codes(result) == [code]
    assert result.project is None
    assert time.process_time() - begin < 2


LONG = {
    "unknown keys": "".join(f"k{i}: 1\n" for i in range(20_000)),
    "unknown dependencies": "jobs:\n"
    + "".join(f"- {{job_id: job-{i:09d}, name: n{i}, dependencies: [job+{i:09d}]}}\n" for i in range(6000)),
    "no YAML in the last line": "".join(f"k{i}: {{a: 1}}\n" for i in range(20_000)) + "\tname: x\n",
}


@pytest.mark.parametrize("what", LONG)
def test_a_long_file_full_of_errors_ends_soon(what: str) -> None:
    begin = time.process_time()
    assert read(LONG[what]).project is None
    assert time.process_time() - begin < 15


def test_limits_are_reached_but_not_passed_by_what_is_allowed() -> None:
    inner = "x"
    for _ in range(48):
        inner = f"[{inner}]"
    assert "too-deep" not in codes(read(GOOD + f"deep: {inner}\n"))
    assert "too-deep" in codes(read(GOOD + f"deep: [[{inner}]]\n"))
    padding = "#" * (2**20 - len(GOOD.encode()) - 1) + "\n"
    assert codes(read((GOOD + padding).encode())) == []
    assert codes(read((GOOD + "#" + padding).encode())) == ["too-large"]


def test_the_place_of_bytes_that_are_not_text_is_exact() -> None:
    assert brief(read(b"name: x\nn\xc3\xa9: \xff\n").diagnostics[0]) == "2:5-6 error[yaml-syntax]"
    assert brief(read("name: 📈\x07\n").diagnostics[0]) == "1:8-9 error[yaml-syntax]"
    assert brief(read("name: x\n---\nname: y\n").diagnostics[0]) == "2:1-4 error[yaml-syntax]"
    assert brief(read("name: x\nother: 'a\n").diagnostics[0]) == "2:8-9 error[yaml-syntax]"


def test_anchors_aliases_and_merge_keys_work(tmp_path: Path) -> None:
    jobs = "".join(
        f"  - <<: *job\n    job_id: 00000000-0000-4000-8000-{number:012d}\n    name: Job {number}\n"
        for number in range(500)
    )
    text = f"project_token: {'a' * 24}\nname: x\nuse_cache: &job {{language: python, entrypoint: a.py}}\njobs:\n{jobs}"
    result = read(text)
    assert codes(result) == ["no-effect-key"]
    assert result.project is not None
    assert len(result.project.jobs) == 500
    same = text.replace("    job_id: 00000000-0000-4000-8000-000000000001\n", "").replace(
        "entrypoint: a.py}", "entrypoint: a.py, job_id: b039a0b0-9ec5-40fa-b014-262e9cb04087}"
    )
    twice = read(same.replace("    job_id: 00000000-0000-4000-8000-000000000002\n", ""))
    assert codes(twice) == ["no-effect-key", "duplicate-id"]
    assert twice.diagnostics[1].fix is None


@pytest.mark.parametrize("kind", ["missing", "directory", "fifo", "loop", "unreadable parent"])
def test_what_is_no_regular_file_is_one_clear_line(tmp_path: Path, kind: str) -> None:
    import os

    path = tmp_path / "metis.config.yml"
    if kind == "directory":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "loop":
        path.symlink_to(path)
    elif kind == "unreadable parent":
        (tmp_path / "file").write_text("x")
        path = tmp_path / "file" / "metis.config.yml"
    with pytest.raises(ConfigUnreadable) as raised:
        read_config(path)
    assert "\n" not in raised.value.message


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_random_bytes_never_raise(data: bytes) -> None:
    for item in read(data).diagnostics:
        assert item.line >= 1
        assert 1 <= item.column < item.end_column
        assert item.message.isprintable()


FRAGMENTS = [
    "- ", "\n", "  ", ": ", "{", "}", "[", "]", "&a ", "*a", "<<: ", "'", '"', "|", ">", "#", "? ", "!!str ", "~",
    "\t", "{{x}}", "“", "📈", "null", "0", "-1", "jobs:", "job_id:", "dependencies:", "cpu: ", "---\n", ",", "\r",
]  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(REAL), st.integers(0, 2**32), st.integers(1, 4))
def test_mutated_real_configs_never_raise_and_their_fixes_hold(path: Path, seed: int, changes: int) -> None:
    chance = random.Random(seed)
    text = path.read_text()
    for _ in range(changes):
        start = chance.randrange(len(text) + 1)
        end = min(len(text), start + chance.choice([0, 0, 1, 3, 12]))
        text = text[:start] + chance.choice([*FRAGMENTS, ""]) + text[end:]
    assert_fixes_hold(read(text))


def _tree(node: nodes.Node | None) -> object:
    if node is None:
        return None
    inside = [_tree(item) for item in node.items] + [(_tree(key), _tree(value)) for key, value in node.pairs]
    return (node.kind, node.text, node.start, node.end, inside)


class _PurePython(yaml.reader.Reader, yaml.scanner.Scanner, yaml.parser.Parser):
    def __init__(self, text: str) -> None:
        yaml.reader.Reader.__init__(self, text)
        yaml.scanner.Scanner.__init__(self)
        yaml.parser.Parser.__init__(self)


@pytest.mark.parametrize("path", [path for path in REAL if not path.name.startswith(("broken", "template"))][::4])
def test_without_libyaml_the_nodes_are_the_same(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = path.read_text().replace("python", "py📈thon")
    quick = _tree(compose(text).root)
    monkeypatch.setattr(nodes, "_Parser", _PurePython)
    assert _tree(compose(text).root) == quick


def test_without_libyaml_bombs_are_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "_Parser", _PurePython)
    for text, code in (("[" * 5000, "too-deep"), (LAUGHS, "too-many-aliases"), ("a: [", "yaml-syntax")):
        with pytest.raises(NodeError) as raised:
            compose(text)
        assert raised.value.code == code
