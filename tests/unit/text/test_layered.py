"""The layered drawing: its lines lead where the graph says, it keeps its size, and only styles change with states."""

from __future__ import annotations

from itertools import pairwise

import pytest
from drawn import GLYPHS, SOAK, WINE, arms, children_by_lines, drop_implied, random_graph, random_graphs

from skafos_tui.text.channels import entry_offsets, route
from skafos_tui.text.glyphs import ASCII
from skafos_tui.text.layered import Labels, Layered, Size, lay_layers
from skafos_tui.text.layers import layer_jobs
from skafos_tui.text.tables import cell_width
from skafos_tui.text.wires import Gap, Wire, reads_back

COUNT = 1500 if SOAK else 150
TIMES = ["0:12", "0:08", "0:31", "1:02", "1✓ 2► 4:31", "0:44", "~0:20", "~0:15", "~0:05"]
WINE_LABELS = {job: (f"{GLYPHS[job]} {job}", f"  {time}") for job, time in zip(WINE, TIMES, strict=True)}
CRITICAL = ("Ingest", "Clean", "Features", "Train forest", "Evaluate", "Score")
DESIGN = """\
          ╭▸✓ Check ─────────────────────────────────╮
✓ Ingest ━┪   0:08                                   ╰─────────────╮
  0:12    ┃                        ┏▸► Train forest ━┓             ╰▸· Report
          ┗▸✓ Clean ━━▸✓ Features ━┩   1✓ 2► 4:31    ┡▸· Evaluate ━┱▸  ~0:05
              0:31       1:02      │                 │   ~0:20     ┃
                                   ╰▸✓ Train linear ─╯             ┗▸· Score
                                       0:44                            ~0:15"""


def sizes_of(labels: Labels) -> dict[str, Size]:
    return {job: Size(max(map(cell_width, lines)), len(lines)) for job, lines in labels.items()}


def titled(graph: dict[str, list[str]], height: int = 2) -> Labels:
    return {job: (f"● {job}", *("  text" for _ in range(height - 1))) for job in graph}


def drawn(graph: dict[str, list[str]], labels: Labels) -> Layered:
    layered = lay_layers(graph, sizes_of(labels))
    assert layered is not None, f"no drawing of {graph}"
    return layered


def pairs(path: tuple[str, ...]) -> set[tuple[str, str]]:
    return set(pairwise(path))


def children(graph: dict[str, list[str]]) -> dict[str, set[str]]:
    """The edges that no longer path implies, from the other side."""
    parents = drop_implied(graph)
    return {job: {child for child in graph if job in parents[child]} for job in graph}


def test_the_drawing_of_the_design_comes_out_character_by_character() -> None:
    layered = drawn(WINE, WINE_LABELS)
    assert "\n".join(layered.lines(WINE_LABELS, pairs(CRITICAL))) == DESIGN
    assert (layered.width, layered.height) == (78, 7)


def test_following_the_lines_leads_from_every_job_to_its_children_and_nowhere_else() -> None:
    for number, graph in enumerate(random_graphs(COUNT, (9, 12, 16, 20), (1.0, 1.2, 1.4))):
        labels = titled(graph, 1 + number % 3)
        assert children_by_lines(drawn(graph, labels).lines(labels)) == children(graph)


def test_the_critical_path_can_be_followed_by_the_weight_of_its_lines_alone() -> None:
    for graph in random_graphs(COUNT // 3, (9, 12, 20), (1.0, 1.3)):
        labels = titled(graph)
        layered = drawn(graph, labels)
        job = next(job for job, parents in layered.graph.items() if parents)
        path = [job]
        while layered.graph[path[0]]:
            path.insert(0, layered.graph[path[0]][-1])
        heavy = pairs(tuple(path))
        lines = layered.lines(labels, heavy)
        passed: set[tuple[int, int]] = set()
        reached = children_by_lines(lines, heavy_only=True, passed=passed)
        assert {(first, second) for first, found in reached.items() for second in found} == heavy
        assert children_by_lines(lines) == children_by_lines(layered.lines(labels))
        bold = {(y, x) for y, line in enumerate(lines) for x, char in enumerate(line) if any(arms(char).values())}
        tails = {(box.row, box.column + at) for box in layered.boxes.values() for at in range(box.width)}
        assert bold - tails <= passed


def test_no_row_is_wider_or_higher_than_promised_with_names_of_any_script() -> None:
    names = (
        "Train",
        "模型训练",
        "e\u0301va\u0301l",
        "Данные",
        "🚀 launch",
        "ｆｕｌｌ",
        "x",
        "数据 clean",
        "a long name of a job",
    )
    for graph in random_graphs(COUNT // 3, (9,), (1.0, 1.4)):
        labels = {job: (f"✓ {name}", "  0:01") for job, name in zip(graph, names, strict=True)}
        layered = drawn(graph, labels)
        for number in range(layered.height):
            row = layered.row(number, labels)
            assert sum(cell_width(span.text) for span in row) <= layered.width
            at = 0
            for span in row:
                if span.job is not None:
                    assert at == layered.boxes[span.job].column
                at += cell_width(span.text)
        plain = "\n".join(layered.lines(labels))
        assert all(name in plain for name in names)


def test_a_label_that_outgrows_its_size_is_cut_and_moves_nothing() -> None:
    layered = drawn(WINE, WINE_LABELS)
    longer = {
        **WINE_LABELS,
        "Check": ("✓ Check and check again", "  0:08 and much more text"),
        "Score": ("·", "", "", ""),
    }
    before, after = layered.lines(WINE_LABELS), layered.lines(longer)
    assert len(before) == len(after) == layered.height
    assert after[0].startswith("          ╭▸✓ Chec… ─")
    assert all(cell_width(line) <= layered.width for line in after)


def test_states_change_labels_only() -> None:
    layered = drawn(WINE, WINE_LABELS)
    other = {job: (line.replace("►", "✗").replace("·", "✓"), times) for job, (line, times) in WINE_LABELS.items()}
    expected = [line.replace("► Train", "✗ Train").replace("· ", "✓ ") for line in layered.lines(WINE_LABELS)]
    assert layered.lines(other) == expected


def test_the_same_graph_gives_the_same_drawing() -> None:
    graph = random_graph(3, 20, 28)
    assert lay_layers(graph, sizes_of(titled(graph))) == lay_layers(dict(graph), sizes_of(titled(graph)))


def test_what_is_larger_than_the_pane_is_not_drawn() -> None:
    sizes = sizes_of(WINE_LABELS)
    assert lay_layers(WINE, sizes, 78, 7) is not None
    assert lay_layers(WINE, sizes, 77, 7) is None
    assert lay_layers(WINE, sizes, 78, 6) is None
    assert lay_layers({}, {}) is None


def test_large_and_dense_graphs_are_drawn_only_if_they_read_back() -> None:
    for seed in range(200 if SOAK else 10):
        graph = random_graph(seed, 40, 90)
        labels = titled(graph)
        layered = lay_layers(graph, sizes_of(labels))
        if layered is not None:
            assert children_by_lines(layered.lines(labels)) == children(graph)


def test_nets_that_stand_in_each_others_way_are_noticed() -> None:
    """Two edges that leave each other's row: whichever turns off first, the other one runs into it."""
    layering = layer_jobs({"a": [], "b": [], "c": ["a"], "d": ["b"]})
    offsets = entry_offsets(layering)
    a, b, c, d = (layering.jobs.index(job) for job in "abcd")

    def channel_with(rows: dict[int, int]) -> tuple[bool, bool]:
        channel = route(layering, layering.layers[0], [rows[item] for item in range(4)], offsets)
        lines: list[dict[int, Wire]] = [{} for _ in range(4)]
        for row, wire in Gap(0, channel.count + 2, channel, lambda left, right: layering.edges[right]).wires():
            lines[row][wire.column] = wire
        return channel.is_clear, reads_back(lines, channel, 0, channel.count + 1)

    assert channel_with({a: 0, b: 3, c: 0, d: 3}) == (True, True)
    assert channel_with({a: 0, b: 3, c: 2, d: 1}) == (True, True)
    assert channel_with({a: 0, b: 3, c: 3, d: 0}) == (False, False)


def test_jobs_that_wait_for_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="wait for each other"):
        lay_layers({"a": ["b"], "b": ["a"]}, {"a": Size(1, 1), "b": Size(1, 1)})


def test_every_edge_of_a_span_is_one_that_a_style_may_ask_for() -> None:
    layered = drawn(WINE, WINE_LABELS)
    every = {(parent, job) for job, parents in layered.graph.items() for parent in parents}
    seen = {edge for row in range(layered.height) for span in layered.row(row, WINE_LABELS) for edge in span.edges}
    assert seen == every


def test_without_unicode_every_character_is_ascii() -> None:
    text = "\n".join(drawn(WINE, WINE_LABELS).lines(WINE_LABELS, pairs(CRITICAL))).translate(ASCII)
    assert text.isascii()
    assert text.splitlines()[3] == "          #>+ Clean ==>+ Features =#   1+ 2> 4:31    #>. Evaluate =#>  ~0:05"
