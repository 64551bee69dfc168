"""What every runner promises (base.Runner); the fixture `runner` says which one is asked."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
import time
from datetime import UTC, datetime

import pytest
from runner_attempts import Attempts

from skafos_tui.model.project import Segment, SegmentKind
from skafos_tui.runners.base import LABEL_ENGINE, LABEL_SPEC, CouldNotStart, Phase, Runner

TALKS_UNTIL_TERM = """
import signal, sys, time
def leave(*_):
    print("leaving"); time.sleep(0.3); print("left"); sys.exit(0)
signal.signal(signal.SIGTERM, leave)
print("ready")
while True: time.sleep(0.05)
"""


async def test_info_leaves_memory_for_the_machine(runner: Runner) -> None:
    info = await runner.info()
    assert info.capacity.cpu is not None and info.capacity.cpu >= 1
    assert info.capacity.memory is not None and info.capacity.memory > 0
    assert info.kind == runner.kind and info.version


async def test_an_attempt_is_created_then_running_then_ended(attempts: Attempts) -> None:
    spec = attempts.python("import time; time.sleep(0.5)")
    before = time.time()
    await attempts.runner.create(spec)
    created = await attempts.runner.inspect(spec.name)
    assert created is not None
    assert (created.phase, created.started_at, created.exit_code) == (Phase.CREATED, None, None)
    await attempts.runner.start(spec.name)
    running = await attempts.runner.inspect(spec.name)
    assert running is not None and running.phase is Phase.RUNNING and running.exit_code is None
    ended = await attempts.ended(spec.name)
    assert ended.started_at is not None and ended.ended_at is not None
    assert before - 1 <= ended.started_at <= ended.ended_at - 0.4
    assert (ended.exit_code, ended.out_of_memory, ended.daemon_restarted, ended.error) == (0, False, False, "")
    assert ended.labels[LABEL_ENGINE] == attempts.engine
    assert ended.labels[LABEL_SPEC] == spec.digest()


async def test_create_adopts_what_it_created_before(attempts: Attempts) -> None:
    spec = attempts.python("print('once')")
    await attempts.runner.create(spec)
    await attempts.runner.create(spec)
    await attempts.run(spec)
    await attempts.runner.create(spec)
    assert await attempts.texts(spec.name) == ["once"]


async def test_an_attempt_that_ended_is_never_started_again(attempts: Attempts) -> None:
    spec = attempts.python("print('once')")
    await attempts.run(spec)
    await attempts.runner.start(spec.name)
    found = await attempts.runner.inspect(spec.name)
    assert found is not None and found.phase is Phase.ENDED
    assert await attempts.texts(spec.name) == ["once"]


async def test_two_starts_at_once_start_once(attempts: Attempts) -> None:
    spec = attempts.python("import time; print('once'); time.sleep(0.5)")
    await attempts.runner.create(spec)
    await asyncio.gather(*(attempts.runner.start(spec.name) for _ in range(5)))
    await attempts.ended(spec.name)
    assert await attempts.texts(spec.name) == ["once"]


async def test_another_spec_under_the_same_name_is_refused(attempts: Attempts) -> None:
    spec = attempts.python("print('first')")
    await attempts.runner.create(spec)
    with pytest.raises(CouldNotStart, match=spec.name):
        await attempts.runner.create(dataclasses.replace(spec, environment={"OTHER": "1"}))


async def test_starting_what_is_gone_could_not_start(attempts: Attempts) -> None:
    with pytest.raises(CouldNotStart, match="gone"):
        await attempts.runner.start("skafos-test-never-made")


async def test_an_image_that_is_gone_could_not_start(attempts: Attempts) -> None:
    with pytest.raises(CouldNotStart, match="skafos/none"):
        await attempts.runner.create(attempts.python("pass", image="skafos/none:1"))
    assert not await attempts.runner.has_image("skafos/none:1")
    assert await attempts.runner.has_image(attempts.image)


@pytest.mark.parametrize("code", [0, 1, 3, 255])
async def test_the_exit_code_is_the_programs(attempts: Attempts, code: int) -> None:
    ended = await attempts.run(attempts.python(f"raise SystemExit({code})"))
    assert (ended.exit_code, ended.out_of_memory, ended.daemon_restarted) == (code, False, False)


async def test_more_memory_than_the_limit_is_told_as_out_of_memory(attempts: Attempts) -> None:
    ended = await attempts.run(attempts.python("import time; b = b'x' * (200 << 20); time.sleep(20)", memory=64 << 20))
    assert ended.exit_code == 137 and ended.out_of_memory


async def test_sigkill_is_not_out_of_memory(attempts: Attempts) -> None:
    name = await attempts.started(attempts.python(TALKS_UNTIL_TERM))
    await attempts.printed(name, "ready")
    await attempts.runner.signal(name, "SIGKILL")
    ended = await attempts.ended(name)
    assert (ended.exit_code, ended.out_of_memory, ended.daemon_restarted) == (137, False, False)


async def test_a_signal_to_what_has_ended_or_never_was_does_nothing(attempts: Attempts) -> None:
    spec = attempts.python("pass")
    await attempts.run(spec)
    await attempts.runner.signal(spec.name, "SIGTERM")
    await attempts.runner.signal("skafos-test-never-made", "SIGKILL")


@pytest.mark.parametrize("form", ["script", "command", "shell", "first of a sequence", "last of a sequence"])
async def test_sigterm_reaches_the_users_python_once_with_its_grace(attempts: Attempts, form: str) -> None:
    script = attempts.script("talks.py", TALKS_UNTIL_TERM)
    quick = attempts.script("quick.py", "print('quick')")
    command = Segment(SegmentKind.COMMAND, "python talks.py 'a b'")
    shell = Segment(SegmentKind.COMMAND, "X=1; python talks.py && echo never")
    segments = {
        "script": (script,),
        "command": (command,),
        "shell": (shell,),
        "first of a sequence": (script, quick),
        "last of a sequence": (quick, script),
    }[form]
    name = await attempts.started(attempts.spec(*segments))
    await attempts.printed(name, "ready")
    await attempts.runner.signal(name, "SIGTERM")
    ended = await attempts.ended(name)
    said = [text for text in await attempts.texts(name) if text != "quick"]
    assert said == ["ready", "leaving", "left"]
    # A shell that was told to end doesn't go on, and says so.
    assert ended.exit_code == (143 if form in ("shell", "first of a sequence") else 0)


async def test_sigterm_reaches_one_program_and_not_its_children(attempts: Attempts) -> None:
    child = "import signal, time; signal.signal(signal.SIGTERM, lambda *_: print('child')); time.sleep(60)"
    code = f"""
import signal, subprocess, sys, time
def leave(*_):
    time.sleep(0.5); print("left"); sys.exit(0)
signal.signal(signal.SIGTERM, leave)
subprocess.Popen([sys.executable, "-u", "-c", {child!r}])
time.sleep(0.5); print("ready"); time.sleep(60)
"""
    name = await attempts.started(attempts.python(code))
    await attempts.printed(name, "ready")
    await attempts.runner.signal(name, "SIGTERM")
    assert (await attempts.ended(name)).exit_code == 0
    assert await attempts.texts(name) == ["ready", "left"]


async def test_sigterm_ends_a_plain_command(attempts: Attempts) -> None:
    name = await attempts.started(attempts.spec(Segment(SegmentKind.COMMAND, "sleep 60")))
    await attempts.runner.signal(name, "SIGTERM")
    assert (await attempts.ended(name)).exit_code == 143


async def test_a_sequence_runs_one_after_the_other_and_ends_at_the_first_failure(attempts: Attempts) -> None:
    first = attempts.script("first.py", "import sys; print('first', *sys.argv[1:])", ["a b", "it's"])
    fails = Segment(SegmentKind.COMMAND, "echo 'x | y'; exit 7")
    never = attempts.script("never.py", "print('never')")
    ended = await attempts.run(attempts.spec(first, Segment(SegmentKind.COMMAND, "sleep 0.1"), fails, never))
    assert ended.exit_code == 7
    assert await attempts.texts(ended.name) == ["first a b it's", "x | y"]


async def test_a_sequence_gives_the_last_segments_exit_code(attempts: Attempts) -> None:
    first = attempts.script("first.py", "print('first')")
    last = attempts.script("last.py", "print('last'); raise SystemExit(5)")
    ended = await attempts.run(attempts.spec(first, last))
    assert ended.exit_code == 5
    assert await attempts.texts(ended.name) == ["first", "last"]


async def test_a_syntax_error_in_one_command_stays_in_it(attempts: Attempts) -> None:
    ended = await attempts.run(
        attempts.spec(Segment(SegmentKind.COMMAND, "echo (("), attempts.script("b.py", "print('b')"))
    )
    assert ended.exit_code == 2
    assert "b" not in await attempts.texts(ended.name)


async def test_a_script_finds_its_own_folder_and_the_project(attempts: Attempts) -> None:
    script = attempts.script("backend/main.py", "import os, sys; print(sys.path[0], os.getcwd())")
    ended = await attempts.run(attempts.spec(script))
    assert await attempts.texts(ended.name) == [f"{attempts.place}/backend {attempts.place}"]


async def test_the_log_has_times_streams_and_the_order_of_each_stream(attempts: Attempts) -> None:
    code = """
import sys, time
for number in range(300):
    print("out", number)
    print("err", number, file=sys.stderr)
"""
    ended = await attempts.run(attempts.python(code))
    lines = [line.split(b" ", 3) for line in await attempts.read(ended.name)]
    assert {tag for _, _, tag, _ in lines} == {b"F"}
    for stream, word in ((b"stdout", "out"), (b"stderr", "err")):
        assert [text.decode() for _, s, _, text in lines if s == stream] == [f"{word} {n}" for n in range(300)]
    times = [moment for moment, _, _, _ in lines]
    assert all(len(moment) == 30 and moment.endswith(b"Z") for moment in times)


async def test_the_log_keeps_carriage_returns_blanks_and_a_missing_last_newline(attempts: Attempts) -> None:
    ended = await attempts.run(attempts.python(r"import sys; sys.stdout.write('a\rb\r\n\n  c\n\x1b[31md')"))
    assert await attempts.texts(ended.name) == ["a\rb\r", "", "  c", "\x1b[31md"]


async def test_a_long_line_is_one_line_up_to_a_mebibyte(attempts: Attempts) -> None:
    ended = await attempts.run(attempts.python("print('x' * 100_000); print('y' * (1 << 20) + 'end'); print('z')"))
    lines = [line.split(b" ", 3)[2:] for line in await attempts.read(ended.name)]
    assert lines[0] == [b"F", b"x" * 100_000]
    assert [tag for tag, _ in lines[1:]] == [b"P", b"F", b"F"]
    assert len(lines[1][1]) <= 1 << 20
    assert lines[1][1] + lines[2][1] == b"y" * (1 << 20) + b"end"
    assert lines[3][1] == b"z"


async def test_reading_since_a_line_repeats_it_and_what_follows(attempts: Attempts) -> None:
    ended = await attempts.run(attempts.python("import time\nfor n in range(20): print(n); time.sleep(0.002)"))
    lines = await attempts.read(ended.name)
    assert await attempts.read(ended.name, since=_since(lines[12])) == lines[12:]


def _since(line: bytes) -> str:
    whole, fraction = line.split(b" ", 1)[0].decode().rstrip("Z").split(".")
    return f"{int(datetime.fromisoformat(whole).replace(tzinfo=UTC).timestamp())}.{fraction}"


async def test_following_goes_on_until_the_end(attempts: Attempts) -> None:
    code = "import time\nfor n in range(10): print(n); time.sleep(0.05)"
    name = await attempts.started(attempts.python(code))
    followed = await attempts.read(name, follow=True)
    await attempts.ended(name)
    assert followed == await attempts.read(name)
    assert len(followed) == 10


async def test_a_reader_that_is_told_to_stop_stops_within_half_a_second(attempts: Attempts) -> None:
    name = await attempts.started(attempts.python(TALKS_UNTIL_TERM))
    await attempts.printed(name, "ready")
    stop = threading.Event()
    reading = asyncio.create_task(
        asyncio.to_thread(attempts.runner.read_logs, name, since=None, follow=True, sink=lambda batch: None, stop=stop)
    )
    await asyncio.sleep(0.3)
    assert not reading.done()
    asked = time.monotonic()
    stop.set()
    await reading
    assert time.monotonic() - asked < 0.5 + 0.2
    await attempts.runner.signal(name, "SIGKILL")


async def test_what_is_gone_has_an_empty_log(attempts: Attempts) -> None:
    assert await attempts.read("skafos-test-never-made") == []


async def test_removing_is_for_good_and_may_be_repeated(attempts: Attempts) -> None:
    spec = attempts.python("pass")
    await attempts.run(spec)
    await attempts.runner.remove(spec.name)
    await attempts.runner.remove(spec.name)
    assert await attempts.runner.inspect(spec.name) is None


async def test_the_list_has_this_engines_attempts_only(attempts: Attempts) -> None:
    created = attempts.python("pass")
    await attempts.runner.create(created)
    running = await attempts.started(attempts.python("import time; time.sleep(30)"))
    ended = await attempts.run(attempts.python("pass"))
    other = attempts.python("pass", labels={LABEL_ENGINE: f"{attempts.engine}-other"})
    await attempts.runner.create(other)
    assert await attempts.runner.list_attempts(attempts.engine) == {
        created.name: Phase.CREATED,
        running: Phase.RUNNING,
        ended.name: Phase.ENDED,
    }


async def test_events_begin_with_look_at_everything_and_tell_of_an_end(attempts: Attempts) -> None:
    events = attempts.runner.events(attempts.engine)
    first = await anext(events)
    assert first.name == ""
    spec = attempts.python("pass")
    await attempts.started(spec)
    async with asyncio.timeout(10):
        async for event in events:
            if (event.name, event.action) == (spec.name, "die"):
                break
    found = await attempts.runner.inspect(spec.name)
    assert found is not None and found.phase is Phase.ENDED


async def test_a_notebook_says_that_it_is_not_supported(attempts: Attempts) -> None:
    notebook = Segment(SegmentKind.NOTEBOOK, "a.ipynb", "a.ipynb")
    with pytest.raises(CouldNotStart, match="nbclient"):
        await attempts.runner.create(attempts.spec(notebook))
