"""`skafos graph`: which job waits for which, as the config says, or as a run has it with its states and times."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any

from skafos_tui.cli.common import add_json, open_project, open_store, pick_run, run_number, valid_project, wake_engine
from skafos_tui.cli.graph_formats import Labelled, dot, mermaid
from skafos_tui.cli.graph_picture import Node, Picture, critical, of_config, of_run
from skafos_tui.cli.output import BOLD, STATE_STYLES, Output
from skafos_tui.store.home import find_home

if TYPE_CHECKING:
    from skafos_tui.text.layered import Layered
    from skafos_tui.text.rails import Rails

FORMATS = ("text", "mermaid", "dot")


def configure(command: str, parser: ArgumentParser) -> None:
    """The arguments of `graph`."""
    parser.add_argument("which", metavar="RUN", nargs="?", type=run_number, help="a run (default: the config as it is)")
    parser.add_argument("--format", choices=FORMATS, default="text", help="text (default), mermaid or dot")
    add_json(parser)
    parser.set_defaults(run=graph)


def graph(args: Namespace) -> int:
    """Print the graph."""
    home, out = find_home(), Output()
    if args.which is None:
        opened = open_project(args, home)
        project = valid_project(opened)
        with open_store(home) as store:
            picture = of_config(store, project)
    else:
        with open_store(home) as store:
            wake_engine(home, store)
            run = pick_run(store, args.which)
            assert store is not None
            picture = of_run(store, run)
    if args.json:
        out.json(_view(picture))
    elif args.format == "text":
        _print_text(out, picture)
    else:
        _print_language(out, picture, args.format)
    return 0


def _view(picture: Picture) -> dict[str, Any]:
    """The graph for programs, with all edges; `implied` ones are not drawn, a longer path says the same."""
    from skafos_tui.model.ancestry import reduced

    drawn = reduced(picture.graph)
    return {
        "project": picture.token,
        "run": picture.run.id if picture.run else None,
        "state": picture.run.state.value if picture.run else None,
        "nodes": [_node_view(node) for node in picture.nodes.values()],
        "edges": [
            {"from": parent, "to": job, "implied": parent not in drawn[job]}
            for job, parents in picture.graph.items()
            for parent in dict.fromkeys(parents)
        ],
        "critical_path": list(critical(picture)),
    }


def _node_view(node: Node) -> dict[str, Any]:
    from skafos_tui.cli.views import task_view

    facts = {"job_id": node.job.id, "name": node.job.name, "enabled": node.job.enabled, "schedule": node.job.schedule}
    if node.task is None:
        usual = None if node.usual_s is None else round(node.usual_s, 3)
        return {**facts, "state": None, "instances": node.job.parallelism, "usual_duration": usual}
    return {**facts, **task_view(node.task, time.time(), node.usual_s)}


def _print_language(out: Output, picture: Picture, language: str) -> None:
    from skafos_tui.model.ancestry import reduced

    jobs = {}
    for job, node in picture.nodes.items():
        detail = " ".join(word for word in (node.state, node.detail) if word)
        jobs[job] = Labelled(node.name, detail, node.state)
    out.lines((mermaid if language == "mermaid" else dot)(reduced(picture.graph), jobs))


def _print_text(out: Output, picture: Picture) -> None:
    """The layered drawing where a terminal is wide enough, else rails beside a table."""
    if picture.run is not None:
        from skafos_tui.cli.report import summary

        out.line(out.paint(summary(picture.run), BOLD))
    if not picture.nodes:
        out.line("no jobs")
        return
    layered = _layered(out, picture)
    lines = _layered_lines(out, picture, layered) if layered else _rail_lines(out, picture)
    if not _has_unicode(out):
        from skafos_tui.text.glyphs import ASCII

        lines = [line.translate(ASCII) for line in lines]
    out.lines(lines)


def _has_unicode(out: Output) -> bool:
    """Whether our characters can be shown: an encoding that has them, and not the console of the kernel."""
    import os

    encoding = getattr(out.stream, "encoding", None) or "utf-8"
    return encoding.lower().startswith("utf") and not (out.terminal and os.environ.get("TERM") == "linux")


def _labels(picture: Picture) -> dict[str, tuple[str, ...]]:
    with_details = any(node.detail for node in picture.nodes.values())
    return {
        job: (f"{node.glyph} {node.name}", f"  {node.detail}") if with_details else (f"{node.glyph} {node.name}",)
        for job, node in picture.nodes.items()
    }


def _layered(out: Output, picture: Picture) -> Layered | None:
    from skafos_tui.text.layered import Size, lay_layers
    from skafos_tui.text.tables import cell_width

    if out.width is None:
        return None
    sizes = {job: Size(max(map(cell_width, lines)), len(lines)) for job, lines in _labels(picture).items()}
    return lay_layers(picture.graph, sizes, out.width)


def _layered_lines(out: Output, picture: Picture, layered: Layered) -> list[str]:
    from itertools import pairwise

    labels, heavy = _labels(picture), frozenset(pairwise(critical(picture)))
    lines = []
    for number in range(layered.height):
        parts = []
        for span in layered.row(number, labels, heavy):
            if span.job is not None and layered.boxes[span.job].row == number:
                parts.append(_with_glyph(out, picture.nodes[span.job], span.text, 0))
            else:
                parts.append(span.text)
        lines.append("".join(parts).rstrip())
    return lines


def _with_glyph(out: Output, node: Node, text: str, place: int) -> str:
    """A text with the glyph of a state, at this place, in the colour of the state."""
    coloured = out.paint(text[place : place + 1], STATE_STYLES.get(node.state))
    return text[:place] + coloured + text[place + 1 :]


def _rail_lines(out: Output, picture: Picture) -> list[str]:
    from skafos_tui.text.rails import lay_rails
    from skafos_tui.text.tables import draw_table

    rails = lay_rails(picture.graph)
    nodes = [picture.nodes[row.job] for row in rails.rows]
    head, rows = _run_table(rails, nodes) if picture.run else _config_table(rails, nodes)
    shown = [column for column in range(len(head)) if column == 0 or any(row[column] for row in rows)]

    def paint(row: int, column: int, text: str) -> str:
        if column == 0:
            return _with_glyph(out, nodes[row], text, rails.rows[row].node)
        return out.state(text) if head[shown[column]] == "state" else text

    times = {place for place, column in enumerate(shown) if head[column] in ("took", "usual")}
    cells = [[row[column] for column in shown] for row in rows]
    return draw_table([head[column] for column in shown], cells, width=out.width, right=times, paint=paint)


def _run_table(rails: Rails, nodes: list[Node]) -> tuple[list[str], list[list[str]]]:
    from skafos_tui.text.durations import clock

    rows = [
        [f"{first} {node.instances}".rstrip(), node.state, clock(node.took_s), clock(node.usual_s)]
        for first, node in zip(_names(rails, nodes), nodes, strict=True)
    ]
    return [_head(rails), "state", "took", "usual"], rows


def _config_table(rails: Rails, nodes: list[Node]) -> tuple[list[str], list[list[str]]]:
    from skafos_tui.text.durations import clock

    rows = [
        [first, node.schedule, clock(node.usual_s)] for first, node in zip(_names(rails, nodes), nodes, strict=True)
    ]
    return [_head(rails), "schedule", "usual"], rows


def _head(rails: Rails) -> str:
    return " " * (rails.width + 1) + "job"


def _names(rails: Rails, nodes: list[Node]) -> list[str]:
    """The first column: rails, the glyph of the state in its place, the name."""
    return [f"{row.text(node.glyph):{rails.width}} {node.name}" for row, node in zip(rails.rows, nodes, strict=True)]
