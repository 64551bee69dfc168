"""`graph`: which job waits for which, drawn for people, for other tools and for programs."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from cli_support import BEGAN, CONFIG, INGEST, REPORT, TOKEN, TRAIN, FakeEngine, Store

from skafos_tui.cli.graph_formats import Labelled, dot, mermaid
from skafos_tui.cli.main import main
from skafos_tui.model.run import RunState, TaskState
from skafos_tui.model.verdict import Verdict, VerdictKind

GOOD = Verdict(VerdictKind.EXITED, 0)
IMPLIED = CONFIG.replace(f'["{TRAIN}"]', f'["{INGEST}", "{TRAIN}"]')
HOSTILE = (
    'a"] --> b; "',
    "<script>x</script>",
    "\\",
    'q" x',
    "&quot;",
    "`md`",
    "#quot;",
    "end",
    "名前 é",
    "%%{init}%%",
)


class Screen(io.StringIO):
    """A terminal, as far as it is asked."""

    def isatty(self) -> bool:
        return True


def on_screen(monkeypatch: pytest.MonkeyPatch, columns: int, *words: str) -> str:
    screen = Screen()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    assert main(["graph", *words]) == 0
    return screen.getvalue()


@pytest.fixture
def run(store: Store, engine: FakeEngine) -> int:
    """A run whose Ingest is done and whose Train runs with one of two instances, after one that took 30 s."""
    store.deployment = store.add_deployment(IMPLIED)
    before = store.add_run(state=RunState.SUCCEEDED)
    for job, seconds in ((INGEST, 30), (REPORT, 5)):
        times = {"started_at": BEGAN, "ended_at": BEGAN + seconds}
        store.change_task(before, job, state=TaskState.SUCCEEDED, verdict=GOOD, **times)
    made = store.add_run(began=BEGAN + 100, state=RunState.RUNNING, started_at=BEGAN + 100)
    times = {"started_at": BEGAN + 100, "ended_at": BEGAN + 112}
    store.change_task(made, INGEST, state=TaskState.SUCCEEDED, verdict=GOOD, **times)
    store.change_task(made, TRAIN, state=TaskState.FAILED, started_at=BEGAN + 112, ended_at=BEGAN + 132)
    store.add_attempt(made, TRAIN, instance=0, verdict=GOOD)
    store.add_attempt(made, TRAIN, instance=1, number=1, verdict=GOOD)
    store.add_attempt(made, TRAIN, instance=1, number=2, verdict=Verdict(VerdictKind.EXITED, 3))
    return made


def test_the_config_is_drawn_with_rails_on_a_pipe(directory: Path, capsys: Any) -> None:
    (directory / "metis.config.yml").write_text(
        IMPLIED.replace("entrypoint: ingest.py", 'entrypoint: ingest.py\n    schedule: "0 9 * * *"').replace(
            f'["{INGEST}", "{TRAIN}"]', f'["{INGEST}"]\n    enabled: false'
        )
    )
    assert main(["graph"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "    job     schedule",
        "●   Ingest  0 9 * * *",
        "├─● Train",
        "∅   Report  disabled",
    ]


def test_a_run_is_drawn_with_states_times_and_instances(run: int, capsys: Any) -> None:
    assert main(["graph", str(run)]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.startswith(f"run {run} running for ")
    assert lines == [
        "  job          state      took  usual",
        "✓ Ingest       succeeded  0:12   0:30",
        "✗ Train 1✓ 1✗  failed     0:20",
        "· Report       waiting           0:05",
    ]


def test_a_terminal_that_is_wide_enough_gets_layers_with_the_critical_path_heavy(
    run: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert on_screen(monkeypatch, 60, str(run)).splitlines()[1:] == [
        "✓ Ingest ━━▸✗ Train ━━━━━━━▸· Report",
        "  0:12        1✓ 1✗ 0:20      ~0:05",
    ]
    assert "state" in on_screen(monkeypatch, 30, str(run))


def test_the_glyph_has_the_colour_of_its_state_and_nothing_moves(run: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for columns in (100, 40):
        monkeypatch.setenv("NO_COLOR", "1")
        plain = on_screen(monkeypatch, columns, str(run))
        monkeypatch.delenv("NO_COLOR")
        coloured = on_screen(monkeypatch, columns, str(run))
        assert "\x1b[31m✗\x1b[0m" in coloured
        assert re.sub(r"\x1b\[[0-9;]*m", "", coloured).split("\n")[1:] == plain.split("\n")[1:]


def test_without_unicode_it_is_drawn_in_ascii(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    assert main(["graph"]) == 0
    sys.stdout.flush()
    assert raw.getvalue().decode("ascii").splitlines() == ["  job", "o Ingest", "o Train", "o Report"]


def test_for_programs_there_are_all_edges_and_which_of_them_are_implied(run: int, capsys: Any) -> None:
    assert main(["graph", str(run), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["project"], found["run"], found["state"]) == (TOKEN, run, "running")
    assert found["edges"] == [
        {"from": INGEST, "to": TRAIN, "implied": False},
        {"from": INGEST, "to": REPORT, "implied": True},
        {"from": TRAIN, "to": REPORT, "implied": False},
    ]
    assert [(node["job_id"], node["state"]) for node in found["nodes"]] == [
        (INGEST, "succeeded"),
        (TRAIN, "failed"),
        (REPORT, "waiting"),
    ]
    assert found["nodes"][0]["duration"] == 12
    assert found["critical_path"] == [INGEST, TRAIN, REPORT]


def test_the_config_for_programs_has_no_states(directory: Path, capsys: Any) -> None:
    assert main(["graph", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["run"], found["state"]) == (None, None)
    assert found["nodes"][1] == {
        "job_id": TRAIN,
        "name": "Train",
        "enabled": True,
        "schedule": None,
        "state": None,
        "instances": 2,
        "usual_duration": None,
    }


def test_other_tools_get_the_reduced_graph_with_states(run: int, capsys: Any) -> None:
    assert main(["graph", str(run), "--format", "mermaid"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "flowchart LR",
        '    j0["Ingest<br/>succeeded 0:12"]',
        '    j1["Train<br/>failed 1#10003; 1#10007; 0:20"]',
        '    j2["Report<br/>waiting #126;0:05"]',
        "    j0 --> j1",
        "    j1 --> j2",
        "    classDef succeeded fill:#5FE0A8,color:#000",
        "    class j0 succeeded",
        "    classDef failed fill:#FF7048,color:#000",
        "    class j1 failed",
    ]
    assert main(["graph", "--format", "dot"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "digraph jobs {",
        "    rankdir=LR;",
        "    node [shape=box];",
        '    j0 [label="Ingest"];',
        '    j1 [label="Train"];',
        '    j2 [label="Report"];',
        "    j0 -> j1;",
        "    j1 -> j2;",
        "}",
    ]


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_is_syntax_of_another_tool(name: str) -> None:
    graph, jobs = {"a": (), "b": ("a",)}, {job: Labelled(name, name, "failed") for job in "ab"}
    flow = mermaid(graph, jobs)
    assert all(re.fullmatch(r'    j[01]\["(?:[\w _\-.,/:()+=]|#\d+;|<br/>)*"\]', line) for line in flow[1:3])
    assert flow[3:] == mermaid(graph, {job: Labelled("x", "", "failed") for job in "ab"})[3:]
    drawn = dot(graph, jobs)
    for line in drawn[3:5]:
        label = re.fullmatch(r'    j[01] \[label="((?:[^"\\]|\\["\\n])*)", style=filled, fillcolor="#FF7048"\];', line)
        assert label is not None
        shown = label[1].split("\\n")[0] if "\\\\" not in label[1] else "\\"
        assert shown.replace('\\"', '"').replace("&amp;", "&") == name
    assert drawn[5:] == ["    j0 -> j1;", "}"]


def test_names_never_control_the_terminal(directory: Path, capsys: Any) -> None:
    config = directory / "metis.config.yml"
    config.write_text(CONFIG.replace("name: Train", 'name: "Tr\\e]0;x\\ain\\u202e 训练"'))
    for words in ([], ["--format", "mermaid"], ["--format", "dot"]):
        assert main(["graph", *words]) == 0
        shown = capsys.readouterr().out
        assert "训练" in shown
        assert not set(shown) & {"\x1b", "\x07", "\u202e"}


def test_a_config_with_errors_is_not_drawn_and_says_why(directory: Path, capsys: Any) -> None:
    (directory / "metis.config.yml").write_text(CONFIG.replace(f'["{TRAIN}"]', f'["{REPORT}"]'))
    assert main(["graph"]) == 1
    assert "self-dependency" in capsys.readouterr().out


def test_a_run_that_is_not_there_and_one_whose_config_is_lost_say_so(store: Store, capsys: Any) -> None:
    assert main(["graph", "77"]) == 2
    assert "there is no run 77" in capsys.readouterr().err
    run = store.add_run(state=RunState.SUCCEEDED)
    assert main(["graph", str(run)]) == 1
    assert f"skafos show {run}" in capsys.readouterr().err
