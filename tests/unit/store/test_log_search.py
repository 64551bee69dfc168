"""Searching logs finds exactly what Python's regular expressions find, whatever tool does it."""

from __future__ import annotations

import re
import threading
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from skafos_tui.store.logs.format import format_line
from skafos_tui.store.logs.pattern import PatternError, compile_pattern, for_grep, for_ripgrep
from skafos_tui.store.logs.plan import Plan, Tool, plan_search
from skafos_tui.store.logs.search import GROUP_FILES, Hit, group_files, search

START = 1_763_000_000_000_000_000
TOOLS = list(Tool)

ATOMS = [
    *("a", "b", "K", "s", "i", "x", "0", "7", " ", "-", "]", "é", "ß", "\ufffd", "\u212a", "日"),
    *(r"\.", r"\[", r"\\", r"\^", r"\$", r"\|", r"\t", r"\x00", ".", r"\d", r"\D", r"\w", r"\W", r"\s", r"\S"),
    *(
        "[ab]",
        "[^ab]",
        "[a-y0-9]",
        "[^é]",
        "[é-ü]",
        r"[\]^-]",
        r"[\[:]",
        r"[\d_]",
        r"[^\w]",
        "[^x]",
        "[.*]",
        r"[\x00-/]",
    ),
    *("^", "$", r"\b", r"\B", r"\A", r"\Z", "(?=a)", "(?!b)", "(?<=a)", "(?<!b)", "(?:)", "(?i:k)", "(?i:[^s])"),
]
REPEATS = ["", "", "", "*", "+", "?", "{2}", "{1,3}", "{0}", "{,2}", "*?", "+?", "{40}"]


@st.composite
def patterns(draw: st.DrawFn) -> str:
    """Regular expressions over a small alphabet, with everything that tools read otherwise than Python."""
    pieces: list[str] = []
    for _ in range(draw(st.integers(1, 4))):
        atom = draw(st.sampled_from(ATOMS))
        form = draw(st.sampled_from(["{}", "{}", "{}", "({})", "(?:{}|b)", "(?:|{})", r"({})\1"]))
        pieces.append(form.format(atom) + draw(st.sampled_from(REPEATS)))
    body = draw(st.sampled_from(["", "|"])).join(pieces)
    # A numbered back-reference means its own group only where that is the first.
    body = body if body.count("(") - body.count("(?") < 2 else body.replace(r"\1", "")
    return draw(st.sampled_from(["", "", "(?i)", "(?a)", "(?s)"])) + body


TEXTS = st.lists(
    st.one_of(
        st.text("abxKkSsIi07 -.[]\\^$|\t\0éÉßü\u212a\u017f\u0130\u0131日\ufffd_:\r", max_size=12).map(str.encode),
        st.binary(max_size=10).map(lambda raw: raw.replace(b"\n", b"")),
    ),
    min_size=1,
    max_size=12,
)


def write_log(path: Path, texts: list[bytes]) -> Path:
    path.write_bytes(b"".join(format_line(START + n, text) for n, text in enumerate(texts)))
    return path


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pattern=patterns(), texts=TEXTS)
def test_every_tool_finds_what_python_finds(tmp_path: Path, pattern: str, texts: list[bytes]) -> None:
    try:
        compiled = compile_pattern(pattern)
    except PatternError:
        assume(False)
    path = write_log(tmp_path / "a.log", texts)
    expected = [text for text in texts if compiled.search(text.decode("utf-8", "replace"))]
    for tools in ([tool] for tool in TOOLS):
        with search([path], pattern, tools=tools) as hits:
            assert [hit.line.text for hit in hits] == expected, tools
    for translated in (for_ripgrep, for_grep):
        for anchored in (True, False):
            assert translated(compiled, anchored=anchored) is not None


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(needle=st.text("ab.*[]\\^$|()+?{}é", min_size=1, max_size=3), texts=TEXTS, ignore_case=st.booleans())
def test_plain_text_is_found_as_it_stands(tmp_path: Path, needle: str, texts: list[bytes], ignore_case: bool) -> None:
    path = write_log(tmp_path / "a.log", [*texts, f"x{needle}x".encode()])
    flags = re.IGNORECASE if ignore_case else 0
    expected = [t for t in texts if re.search(re.escape(needle), t.decode("utf-8", "replace"), flags)]
    for tool in TOOLS:
        found = list(search([path], needle, regex=False, ignore_case=ignore_case, tools=[tool]))
        assert [hit.line.text for hit in found] == [*expected, f"x{needle}x".encode()], tool


@pytest.mark.parametrize(
    ("pattern", "tool", "anchored"),
    [
        ("needle", Tool.RIPGREP, False),
        (r"user=\d{5}", Tool.RIPGREP, False),
        (r"\d+ rows in [a-z]+", Tool.RIPGREP, True),
        ("^ERROR", Tool.RIPGREP, True),
        ("stdout", Tool.RIPGREP, True),
        ("error|timeout", Tool.RIPGREP, False),
        ("(?i)disk full", Tool.RIPGREP, False),
        (r"[A-Z]{3}-\d{7}", Tool.GREP, False),
        (r"x*", Tool.RIPGREP, True),
    ],
)
def test_the_tool_that_is_quick_for_a_pattern_is_taken(pattern: str, tool: Tool, anchored: bool) -> None:
    plan = plan_search(compile_pattern(pattern), [Tool.RIPGREP, Tool.GREP])
    assert plan.tool is tool
    assert (b"^.{40}" in plan.pattern) is anchored
    for only in (Tool.RIPGREP, Tool.GREP):
        assert plan_search(compile_pattern(pattern), [only]).tool is only


@pytest.mark.parametrize("tool", TOOLS)
def test_a_match_in_time_or_stream_is_no_hit(tmp_path: Path, tool: Tool) -> None:
    path = write_log(tmp_path / "a.log", [b"nothing", b"2025 it says stdout F"])
    for pattern in ("stdout", "2025", r"F \w", "Z stdout", "^2025"):
        texts = [hit.line.text for hit in search([path], pattern, tools=[tool])]
        assert b"nothing" not in texts
        assert all(re.search(pattern, text.decode()) for text in texts)
    assert [h.line.text for h in search([path], "^nothing$", tools=[tool])] == [b"nothing"]


@pytest.mark.parametrize("tool", TOOLS)
def test_hits_come_in_the_order_of_the_files_given_and_of_their_lines(tmp_path: Path, tool: Tool) -> None:
    files = [write_log(tmp_path / f"{n}.log", [b"x %d" % line for line in range(3)]) for n in range(1200)][::-1]
    hits = list(search(files, "x [02]", tools=[tool]))
    assert [hit.path for hit in hits] == [path for path in files for _ in range(2)]
    assert [hit.line.text for hit in hits[:2]] == [b"x 0", b"x 2"]
    raw = hits[1].path.read_bytes()[hits[1].offset :]
    assert raw == format_line(START + 2, b"x 2")


def test_twenty_thousand_files_go_to_processes_in_portions(tmp_path: Path) -> None:
    path = write_log(tmp_path / "a.log", [b"x"])
    groups = list(group_files([path] * 20_000))
    assert sum(map(len, groups)) == 20_000
    assert max(map(len, groups)) == GROUP_FILES


@pytest.mark.parametrize("tool", TOOLS)
def test_a_file_that_is_gone_has_no_hits(tmp_path: Path, tool: Tool) -> None:
    path = write_log(tmp_path / "a.log", [b"x"])
    hits = list(search([tmp_path / "gone.log", path], "x", tools=[tool]))
    assert [(hit.path, hit.offset) for hit in hits] == [(path, 0)]


@pytest.mark.parametrize("tool", [Tool.RIPGREP, Tool.GREP])
def test_a_pattern_the_tool_refuses_is_searched_in_python(
    tmp_path: Path, tool: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [write_log(tmp_path / f"{n}.log", [b"good", b"bad", b"good"]) for n in range(2)]
    monkeypatch.setattr("skafos_tui.store.logs.search.plan_search", lambda pattern, tools: Plan(tool, b"("))
    assert [h.line.text for h in search(files, "^good", tools=[tool])] == [b"good"] * 4


def test_a_bad_pattern_is_told_in_one_line() -> None:
    with pytest.raises(PatternError) as caught:
        search([], "a(b")
    assert "\n" not in str(caught.value)
    assert "unterminated" in str(caught.value)


@pytest.mark.parametrize("tool", [Tool.RIPGREP, Tool.GREP])
def test_closing_from_another_thread_ends_a_search_that_is_under_way(tmp_path: Path, tool: Tool) -> None:
    path = write_log(tmp_path / "a.log", [b"x" * 200] * 50_000)
    running = search([path] * 40, "x", tools=[tool])
    first = next(running)
    assert isinstance(first, Hit)
    counted: list[int] = []

    def consume() -> None:
        counted.append(sum(1 for _ in running))

    thread = threading.Thread(target=consume)
    started = time.monotonic()
    thread.start()
    running.close()
    thread.join(10)
    assert not thread.is_alive()
    assert counted[0] < 2_000_000 - 1
    assert time.monotonic() - started < 10


def test_leaving_the_search_ends_its_processes(tmp_path: Path) -> None:
    path = write_log(tmp_path / "a.log", [b"x" * 200] * 20_000)
    with search([path] * 4, "x", tools=[Tool.GREP]) as running:
        next(running)
        processes = [process for process, _ in running._processes]
        assert processes
    assert all(process.returncode is not None for process in processes)
