"""Rails: what a reader sees is what the graph says; nothing moves when states change; the width is a promise."""

from __future__ import annotations

import pytest
from drawn import GLYPHS, SOAK, WINE, drop_implied, parents_on_rails, random_graph, random_graphs

from skafos_tui.model.ancestry import edges_between, family
from skafos_tui.text.glyphs import ASCII
from skafos_tui.text.rails import BLANK, RailKind, Rails, lay_rails

COUNT = 2000 if SOAK else 200
MANY = 10_000
"""More lanes than any graph of these tests has."""


def rows_of(rails: Rails) -> tuple[list[str], list[str]]:
    return [row.text() for row in rails.rows], [row.job for row in rails.rows]


def test_the_drawing_of_the_design_comes_out_character_by_character() -> None:
    rails = lay_rails(WINE)
    assert [f"{row.text(GLYPHS[row.job]):{rails.width}} {row.job}" for row in rails.rows] == [
        "✓     Ingest",
        "├─✓   Check",
        "✓ │   Clean",
        "✓ │   Features",
        "├─│─► Train forest",
        "✓ │ │ Train linear",
        "·─│─╯ Evaluate",
        "├─│─· Score",
        "·─╯   Report",
    ]


def test_the_parents_of_every_job_read_back_from_the_characters_with_and_without_unicode() -> None:
    for graph in random_graphs(COUNT, (9, 15, 30, 60), (1.0, 1.3, 1.6)):
        rails = lay_rails(graph, MANY)
        rows, names = rows_of(rails)
        assert sorted(names) == sorted(graph)
        assert parents_on_rails(rows, names) == drop_implied(graph)
        assert parents_on_rails([row.translate(ASCII) for row in rows], names) == drop_implied(graph)


def test_beyond_eight_lanes_what_is_drawn_is_the_left_part_of_the_whole_and_the_rest_is_counted() -> None:
    cut = 0
    for graph in random_graphs(COUNT // 10, (60, 90), (1.3, 2.0)):
        whole, rails = lay_rails(graph, MANY), lay_rails(graph)
        for full, row in zip(whole.rows, rails.rows, strict=True):
            assert row.text()[:16].rstrip() == full.text()[:16].rstrip()
            assert len(row.cells) <= rails.width <= 16 + len("┆+99")
            hidden = [
                cell.lanes or cell.sources[-1:]
                for cell in full.cells[16::2]
                if cell.kind in (RailKind.LANE, RailKind.JOIN)
            ]
            expected = f"+{len(hidden)}" if hidden else ""
            first = "●" if full.node >= 16 else "┆" if hidden else ""
            assert row.text()[16:] == first + expected
            assert row.cells[row.node].kind is RailKind.NODE
            cut += bool(hidden)
    assert cut > COUNT // 10


def test_the_same_graph_gives_the_same_rails() -> None:
    graph = random_graph(7, 40, 60)
    assert lay_rails(graph) == lay_rails(dict(graph))


def test_parents_stand_above_their_children_and_the_child_nearest_to_its_end_comes_first() -> None:
    rows = lay_rails({"a": [], "long": ["a"], "longer": ["long"], "short": ["a"]}).rows
    assert [row.job for row in rows] == ["a", "short", "long", "longer"]


def test_jobs_that_nothing_joins_stand_side_by_side_so_that_none_looks_like_a_child() -> None:
    assert [row.text() for row in lay_rails({"a": [], "b": [], "c": []}).rows] == ["●", "  ●", "●"]


def test_no_jobs_have_no_rails() -> None:
    assert lay_rails({}) == Rails((), {}, 0)


def test_jobs_that_wait_for_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="wait for each other"):
        lay_rails({"a": ["b"], "b": ["a"]})


def test_another_state_is_another_character_in_the_place_of_the_node_and_nothing_else() -> None:
    for row in lay_rails(WINE).rows:
        assert row.text("✗") == row.text("►").replace("►", "✗")
        assert row.text("✗")[row.node] == "✗"


def test_what_is_highlighted_reads_back_as_the_family_of_the_job_and_no_more() -> None:
    for graph in random_graphs(COUNT // 4, (9, 20, 40), (1.0, 1.4)):
        rails = lay_rails(graph, MANY)
        job = next(iter(graph))
        trace = rails.highlight(job)
        rows = [
            "".join(
                cell.character if on or cell is BLANK else "░"
                for cell, on in zip(row.cells, trace.row(number), strict=True)
            )
            for number, row in enumerate(rails.rows)
        ]
        relatives = family(rails.graph, job)
        # The horizontal passes below lanes that are not lit.
        read = parents_on_rails(rows, [row.job for row in rails.rows])
        assert {(parent, child) for child, parents in read.items() for parent in parents} == edges_between(
            rails.graph, relatives
        )
        assert set(read) == relatives


def test_a_trace_of_one_edge_lights_its_two_jobs_and_the_way_between_them() -> None:
    rails = lay_rails(WINE)
    trace = rails.trace({"Check", "Report"}, {("Check", "Report")})
    lit = [
        "".join(char if on else " " for char, on in zip(row.text(), trace.row(number), strict=True)).rstrip()
        for number, row in enumerate(rails.rows)
    ]
    assert lit == ["", "  ●", "  │", "  │", "  │", "  │", "  │", "  │", "●─╯"]


def test_a_traced_edge_lights_one_cell_a_row_down_its_lane_and_the_horizontal_up_to_it() -> None:
    for graph in random_graphs(COUNT // 10, (9, 20, 40), (1.3,)):
        rails = lay_rails(graph, MANY)
        for job, parents in rails.graph.items():
            for parent in parents:
                trace = rails.trace((), {(parent, job)})
                first, last = rails.row_of[parent], rails.row_of[job]
                lane, node = rails.rows[first].node, rails.rows[last].node
                for number, row in enumerate(rails.rows):
                    lit = {column for column, on in enumerate(trace.row(number)) if on}
                    if number == last:
                        way = range(min(lane, node), max(lane, node) + 1)
                        passed = {column for column in way if row.cells[column].kind is RailKind.LANE}
                        assert lit == set(way) - passed - {node}
                    else:
                        assert lit == ({lane} if first < number < last else set())


def test_a_job_stands_in_the_lane_that_ends_with_it_else_right_of_its_parents_and_not_below_a_last_one() -> None:
    graph = dict(zip("axwcdeyzf", ["", "a", "a", "xw", "w", "c", "a", "y", "w"], strict=True))
    assert [f"{row.text():8} {row.job}" for row in lay_rails(graph).rows] == [
        "●        a",
        "├─●      y",
        "│ ●      z",
        "├───●    x",
        "●   │    w",
        "├─● │    d",
        "├───│─●  f",
        "●───╯    c",
        "●        e",
    ]


def test_a_free_lane_left_of_the_parents_is_not_taken() -> None:
    graph = {"a": [], "b": [], "c": ["b"], "d": ["b"]}
    assert [row.text() for row in lay_rails(graph).rows] == ["●", "  ●", "  ├─●", "  ●"]
