"""What works beside the typing: validation, and looking at the disk."""

from __future__ import annotations

import os
import queue
import signal
import time
from pathlib import Path

import pytest

from skafos_tui.tui.editor.check_process import CheckProcess, ProcessGone, check
from skafos_tui.tui.editor.checker import PROCESS_LINES, Checked, Checker
from skafos_tui.tui.editor.disk import Content, DiskWatch, content_of

TOKEN = "06a16549a3e19a93faff2cc3"


def config(jobs: int) -> str:
    lines = [f"project_token: {TOKEN}", "name: x", "jobs:"]
    for number in range(jobs):
        lines += [f"  - job_id: 20d19311-146b-4cd8-ac39-{number:012d}", "    language: python"]
        lines += [f"    name: J{number}", "    entrypoint: sleep 1"]
    return "\n".join(lines) + "\n"


def test_only_the_newest_of_quick_texts_is_validated(tmp_path: Path) -> None:
    answers: queue.Queue[Checked] = queue.Queue()
    checker = Checker(str(tmp_path), answers.put)
    checker.start()
    try:
        for revision in range(5):
            checker.ask(revision, config(revision))
        answer = answers.get(timeout=5)
        assert answer.revision == 4 and answer.spans is not None and len(answer.spans) == 4
        assert answer.result.text == config(4)
        assert answers.empty()
    finally:
        checker.stop()


def test_who_waits_for_an_answer_does_not_wait_for_the_pause(tmp_path: Path) -> None:
    answers: queue.Queue[Checked] = queue.Queue()
    checker = Checker(str(tmp_path), answers.put)
    checker.start()
    try:
        checker.ask(1, config(1), pause_s=60)
        checker.hurry()
        assert answers.get(timeout=5).revision == 1
    finally:
        checker.stop()


def test_a_long_text_is_validated_in_a_process_and_without_it_all_the_same(tmp_path: Path) -> None:
    text = config(PROCESS_LINES // 4 + 5).replace("name: J3\n", "nme: J3\n")
    answers: queue.Queue[Checked] = queue.Queue()
    checker = Checker(str(tmp_path), answers.put)
    checker.start()
    try:
        checker.ask(1, text)
        first = answers.get(timeout=20)
        assert checker._process is not None
        os.kill(checker._process._process.pid, signal.SIGKILL)
        checker.ask(2, text)
        second = answers.get(timeout=20)
    finally:
        checker.stop()
    assert {item.code for item in first.result.diagnostics} == {"unknown-key", "missing-key"}
    assert [str(item) for item in first.result.diagnostics] == [str(item) for item in second.result.diagnostics]
    assert first.spans == second.spans


def test_a_process_says_what_a_thread_would(tmp_path: Path) -> None:
    process = CheckProcess(str(tmp_path))
    try:
        for text in (config(2), "a: 'x\n", "é: \ud800\n", ""):
            (here, spans), (there, others) = check(str(tmp_path), text), process.check(text)
            assert (here.project, spans) == (there.project, others)
            assert [item.render("") for item in here.diagnostics] == [item.render("") for item in there.diagnostics]
    finally:
        process.end()
    with pytest.raises(ProcessGone):
        process.check("")


def changed(path: Path, data: bytes) -> None:
    """As an editor saves: another file takes the name."""
    other = path.with_suffix(".new")
    other.write_bytes(data)
    other.replace(path)


def test_another_programs_save_is_noticed_and_the_own_is_not(tmp_path: Path) -> None:
    path = tmp_path / "metis.config.yml"
    path.write_bytes(b"a: 1\n")
    news: queue.Queue[Content | None] = queue.Queue()
    watch = DiskWatch(path, news.put)
    watch.start(b"a: 1\n")
    try:
        changed(path, b"a: 2\n")
        assert news.get(timeout=5) == Content(b"a: 2\n", "a: 2\n")

        def write() -> bytes:
            changed(path, b"a: 3\n")
            return b"a: 3\n"

        watch.save(write)
        time.sleep(0.8)
        assert news.empty()
        path.unlink()
        assert news.get(timeout=5) is None
        changed(path, b"a: 4\n")
        found = news.get(timeout=5)
        assert found is not None and found.text == "a: 4\n"
    finally:
        watch.stop()


@pytest.mark.parametrize(
    ("data", "text", "trouble"),
    [
        (b"\xef\xbb\xbfa: 1\r\n", "a: 1\r\n", ""),
        (b"a: \xff\n", "a: \ufffd\n", "not in UTF-8"),
        ("a: 1\n".encode("utf-16"), None, "not in UTF-8"),
        (b"x" * (2**20 + 1), "x" * 2**20, "larger than"),
        (b"a\0b", "a\0b", "no text"),
    ],
)
def test_what_cant_be_written_back_as_it_was_is_only_looked_at(data: bytes, text: str | None, trouble: str) -> None:
    content = content_of(data)
    assert content.trouble.startswith(trouble) and bool(content.trouble) == bool(trouble)
    assert text is None or content.text == text
