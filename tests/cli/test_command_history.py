"""`ps`, `runs`, `show`: what the store knows, as tables and as JSON, with the engine off."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from cli_support import BEGAN, CONFIG, INGEST, REPORT, TOKEN, TRAIN, FakeEngine, Store

from skafos_tui.cli.main import main
from skafos_tui.model.run import RunState, TaskState
from skafos_tui.model.verdict import Verdict, VerdictKind
from skafos_tui.store import runs, schedules

FAILED = Verdict(VerdictKind.EXITED, 3, "ended with exit 3")
GOOD = Verdict(VerdictKind.EXITED, 0)


def failed_run(store: Store) -> int:
    """A run whose Train failed in one instance, on its second attempt."""
    run = store.add_run(parameters={"RATE": "0.1"})
    store.change_task(
        run, INGEST, state=TaskState.SUCCEEDED, queued_at=BEGAN, started_at=BEGAN + 1, ended_at=BEGAN + 11, verdict=GOOD
    )
    store.add_attempt(run, INGEST, lines=("read 178 rows",), verdict=GOOD)
    store.change_task(
        run,
        TRAIN,
        state=TaskState.FAILED,
        queued_at=BEGAN + 11,
        started_at=BEGAN + 12,
        ended_at=BEGAN + 42,
        verdict=FAILED,
        reason="instance 1 failed",
    )
    store.add_attempt(run, TRAIN, instance=0, lines=("fold 0 fine",), verdict=GOOD)
    store.add_attempt(run, TRAIN, instance=1, number=1, lines=("first try",), verdict=FAILED)
    store.add_attempt(
        run, TRAIN, instance=1, number=2, lines=(*(f"epoch {n}" for n in range(20)), "ValueError: nan"), verdict=FAILED
    )
    store.change_task(run, REPORT, state=TaskState.UPSTREAM_FAILED, reason="Train failed", ended_at=BEGAN + 42)
    store.change_run(run, state=RunState.FAILED, started_at=BEGAN + 1, ended_at=BEGAN + 42)
    return run


def running_run(store: Store) -> int:
    """A run whose Ingest runs."""
    run = store.add_run(began=BEGAN + 100)
    store.change_run(run, state=RunState.RUNNING, started_at=BEGAN + 101)
    store.change_task(run, INGEST, state=TaskState.RUNNING, queued_at=BEGAN + 100, started_at=BEGAN + 101)
    store.change_task(run, TRAIN, reason="after Ingest")
    return run


def output_json(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("command", ["ps", "runs"])
def test_without_any_run_lists_are_empty_and_good(
    directory: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, "--json"]) == 0
    assert output_json(capsys) == []
    assert main([command]) == 0
    assert capsys.readouterr().out.count("\n") == 1


def test_runs_are_listed_newest_first_with_what_failed(store: Store, engine: FakeEngine, capsys: Any) -> None:
    first, second = failed_run(store), running_run(store)
    assert main(["runs"]) == 0
    head, newest, oldest = capsys.readouterr().out.splitlines()
    assert head.split() == ["run", "state", "trigger", "deployment", "started", "took", "why"]
    assert newest.split()[:4] == [str(second), "running", "manual", "1"]
    assert oldest.split()[:4] == [str(first), "failed", "manual", "1"]
    assert oldest.split()[-3:] == ["0:41", "Train", "failed"]


def test_runs_as_json_have_the_words_of_the_contract(store: Store, capsys: Any) -> None:
    run = failed_run(store)
    assert main(["runs", "--json"]) == 0
    (found,) = output_json(capsys)
    assert found == {
        "id": run,
        "project": TOKEN,
        "state": "failed",
        "trigger": "manual",
        "deployment": 1,
        "reason": "",
        "retry_of": None,
        "cancelled_by": None,
        "scheduled_at": None,
        "created_at": "2026-09-21T14:13:20.000Z",
        "started_at": "2026-09-21T14:13:21.000Z",
        "ended_at": "2026-09-21T14:14:02.000Z",
        "duration": 41.0,
        "parameters": {"RATE": "0.1"},
        "failed_jobs": ["Train"],
    }


def test_runs_are_limited_and_found_by_job(store: Store, capsys: Any) -> None:
    for number in range(3):
        store.add_run(began=BEGAN + number, state=RunState.SUCCEEDED)
    main(["runs", "-n", "2", "--json"])
    assert [run["id"] for run in output_json(capsys)] == [3, 2]
    main(["runs", "Train", "--json"])
    assert [run["id"] for run in output_json(capsys)] == [3, 2, 1]
    assert main(["runs", "Trian"]) == 2
    assert "there is no job `Trian`; jobs are Ingest, Train, Report" in capsys.readouterr().err


def test_history_is_readable_while_the_config_is_broken_or_gone(store: Store, directory: Path, capsys: Any) -> None:
    failed_run(store)
    config = directory / "metis.config.yml"
    config.write_text("jobs: [\n")
    assert main(["runs", "Train", "--json"]) == 0
    assert len(output_json(capsys)) == 1
    config.unlink()
    assert main(["runs", "--json"]) == 0
    assert len(output_json(capsys)) == 1


def test_a_directory_without_project_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["runs"]) == 2
    message = capsys.readouterr().err
    assert "skafos init" in message
    assert message.count("\n") == 1


def test_a_copy_with_the_same_token_is_refused_with_both_ways_out(store: Store, tmp_path: Path, capsys: Any) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "metis.config.yml").write_text(CONFIG)
    assert main(["--project", str(copy), "runs"]) == 1
    message = capsys.readouterr().err
    assert "`skafos projects adopt`" in message
    assert "--new-token" in message


def test_ps_shows_tasks_with_elapsed_and_usual_time(store: Store, engine: FakeEngine, capsys: Any) -> None:
    failed_run(store)
    run = running_run(store)
    assert main(["ps"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"run {run} (deployment 1): 3 jobs, running for ")
    assert lines[1].split() == ["job", "state", "elapsed", "usual", "why"]
    assert lines[2].split()[:2] == ["Ingest", "running"]
    assert lines[2].split()[3] == "0:10"
    assert lines[3].split() == ["Train", "waiting", "after", "Ingest"]


def test_ps_as_json_holds_only_unfinished_runs(store: Store, engine: FakeEngine, capsys: Any) -> None:
    failed_run(store)
    run = running_run(store)
    assert main(["ps", "--json"]) == 0
    (found,) = output_json(capsys)
    assert (found["id"], found["state"]) == (run, "running")
    ingest = found["tasks"][0]
    assert (ingest["job_id"], ingest["name"], ingest["state"]) == (INGEST, "Ingest", "running")
    assert ingest["usual_duration"] == 10.0
    assert ingest["verdict"] is None


def test_ps_shows_other_projects_only_when_asked(store: Store, engine: FakeEngine, tmp_path: Path, capsys: Any) -> None:
    running_run(store)
    other = tmp_path / "other"
    other.mkdir()
    (other / "metis.config.yml").write_text(CONFIG.replace(TOKEN, "f" * 24))
    assert main(["--project", str(other), "ps", "--json"]) == 0
    assert output_json(capsys) == []
    assert main(["--project", str(other), "ps", "--all"]) == 0
    assert "of wines, running" in capsys.readouterr().out


def test_unfinished_runs_are_shown_also_when_no_engine_can_be_started(store: Store, capsys: Any) -> None:
    run = running_run(store)
    assert main(["ps", "--json"]) == 0
    captured = capsys.readouterr()
    assert [found["id"] for found in json.loads(captured.out)] == [run]
    assert "the engine did not start" in captured.err
    assert captured.err.count("\n") == 1


def test_show_tells_all_of_a_failed_run(store: Store, capsys: Any) -> None:
    run = failed_run(store)
    assert main(["show", str(run)]) == 0
    text = capsys.readouterr().out
    assert text.splitlines()[0] == f"run {run} failed in 0:41"
    assert "RATE=0.1" in text
    assert f"logs          {store.home.run_logs(TOKEN, run)}" in text
    assert "#1 attempt 2" in text
    assert "Train failed: exit 3; instance 1 failed" in text
    assert "ValueError: nan" in text
    assert "epoch 11" in text
    assert "epoch 10" not in text, "ten lines of the end are enough"
    assert "fold 0 fine" not in text, "the instance that succeeded is not to blame"
    assert "upstream_failed" in text


def test_show_as_json_has_tasks_and_attempts(store: Store, capsys: Any) -> None:
    run = failed_run(store)
    assert main(["show", str(run), "--json"]) == 0
    found = output_json(capsys)
    assert (found["id"], found["state"], found["project_name"]) == (run, "failed", "wines")
    assert [task["name"] for task in found["tasks"]] == ["Ingest", "Train", "Report"]
    train = found["tasks"][1]
    assert (train["verdict"], train["exit_code"], train["evidence"]) == ("exit 3", 3, "ended with exit 3")
    assert [(item["instance"], item["attempt"], item["state"]) for item in train["attempts"]] == [
        (0, 1, "succeeded"),
        (1, 1, "failed"),
        (1, 2, "failed"),
    ]
    assert Path(train["attempts"][2]["log"]).read_text().endswith("ValueError: nan\n")
    assert found["tasks"][2] | {"reason": "Train failed", "state": "upstream_failed"} == found["tasks"][2]


def test_show_of_an_unknown_run_says_which_there_are(store: Store, capsys: Any) -> None:
    failed_run(store)
    assert main(["show", "99"]) == 2
    assert "there is no run 99; the newest are 1" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        main(["show", "newest"])
    assert ended.value.code == 2


def test_show_needs_no_project_here(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = failed_run(store)
    monkeypatch.chdir(tmp_path)
    assert main(["show", str(run)]) == 0


def test_what_jobs_and_configs_say_never_controls_the_terminal(store: Store, capsys: Any) -> None:
    run = failed_run(store)
    evil = "x\x1b]0;owned\x07\x1b[2J\u202e\x9b31m"
    store.change_task(run, TRAIN, reason=evil, verdict=Verdict(VerdictKind.COULD_NOT_START, None, evil))
    store.connection.execute("UPDATE tasks SET name = ? WHERE job_id = ?", (evil, INGEST))
    store.write_log(run, f"skafos-{run}-{TRAIN[:4]}-1-2", (evil,))
    for arguments in (["show", str(run)], ["runs"], ["ps"], ["show", str(run), "--json"], ["runs", "--json"]):
        main(arguments)
        text = capsys.readouterr().out
        assert not set(text) & set("\x1b\x07\x9b\u202e")


def missed_run(store: Store) -> int:
    """A slot of Ingest at 14:10 UTC that did not fire."""
    slot = int(BEGAN) // 600 * 600
    run = runs.insert_missed(
        store.connection,
        project=TOKEN,
        deployment=store.deployment,
        request_id="missed",
        slot=slot,
        now=BEGAN + 3600,
        reason="Ingest: 3 slots from 2026-09-21 13:50 UTC to 2026-09-21 14:10 UTC (catchup none)",
    )
    schedules.record_slot(store.connection, TOKEN, INGEST, slot, run, fired=False, count=3, first_slot=slot - 1200)
    return run


def test_missed_slots_are_in_the_history_of_their_job_with_their_reason(store: Store, capsys: Any) -> None:
    run = missed_run(store)
    for words in (["runs"], ["runs", "Ingest"]):
        assert main(words) == 0
        _, row = capsys.readouterr().out.splitlines()
        assert row.split()[:3] == [str(run), "missed", "schedule"]
        assert row.endswith("  Ingest: 3 slots from 2026-09-21 13:50 UTC to 2026-09-21 14:10 UTC (catchup none)")
    assert main(["runs", "Train", "--json"]) == 0
    assert output_json(capsys) == []
    assert main(["show", str(run)]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].startswith(f"run {run} missed: Ingest: 3 slots from ")
    assert [line.split()[0] for line in shown[1:]] == ["project", "trigger", "deployment", "scheduled", "noticed"]
    assert main(["show", str(run), "--json"]) == 0
    found = output_json(capsys)
    assert (found["state"], found["trigger"], found["tasks"], found["started_at"]) == ("missed", "schedule", [], None)
    assert found["scheduled_at"] == "2026-09-21T14:10:00.000Z"
    assert "(catchup none)" in found["reason"]


def test_scheduled_and_deployed_runs_say_what_started_them(
    store: Store, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    scheduled = store.add_run()
    store.connection.execute(
        "UPDATE runs SET trigger = 'schedule', scheduled_at = ? WHERE id = ?", (BEGAN - 200, scheduled)
    )
    deployed = store.add_run()
    store.connection.execute("UPDATE runs SET trigger = 'deploy' WHERE id = ?", (deployed,))
    assert main(["runs"]) == 0
    _, newest, oldest = capsys.readouterr().out.splitlines()
    assert newest.split()[2] == "deploy"
    assert "  schedule 2026-09-21 14:10  " in oldest
    assert main(["ps"]) == 0
    out = capsys.readouterr().out
    assert f"run {scheduled} (deployment 1, schedule 2026-09-21 14:10): 3 jobs, queued for " in out
    assert f"run {deployed} (deployment 1, deploy): 3 jobs, queued for " in out
    monkeypatch.undo()
    time.tzset()


def test_a_run_whose_tasks_were_all_skipped_says_why(store: Store, capsys: Any) -> None:
    run = store.add_run(state=RunState.SKIPPED)
    for job in (INGEST, TRAIN, REPORT):
        store.change_task(run, job, state=TaskState.SKIPPED, reason="Ingest of run 7 was still running (overlap skip)")
    assert main(["runs"]) == 0
    _, row = capsys.readouterr().out.splitlines()
    assert row.endswith("  Ingest of run 7 was still running (overlap skip)")
    assert main(["show", str(run), "--json"]) == 0
    assert {task["reason"] for task in output_json(capsys)["tasks"]} == {
        "Ingest of run 7 was still running (overlap skip)"
    }
