"""A dependency graph in the languages of other tools: Mermaid and Graphviz's DOT; names can't end their quotes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

MERMAID_PLAIN = frozenset(" _-.,/:()+=")
"""What stays as it is beside letters and digits; all else is an entity, so that no name is syntax or markup."""
COLOURS = {
    "succeeded": "#5FE0A8",
    "running": "#60A8F0",
    "starting": "#60A8F0",
    "queued": "#60A8F0",
    "failed": "#FF7048",
    "timed_out": "#FF7048",
    "lost": "#FF7048",
    "cancelled": "#F5C518",
}
"""The fill of a state (SCREENS 6); the others have none."""


class Labelled(NamedTuple):
    """A job in such a drawing: its name, what stands below it, and its state, empty where it has none."""

    name: str
    detail: str
    state: str


def mermaid(graph: Mapping[str, Sequence[str]], jobs: Mapping[str, Labelled]) -> list[str]:
    """The lines of a Mermaid flowchart."""
    number_of = {job: f"j{number}" for number, job in enumerate(graph)}
    lines = ["flowchart LR"]
    for job, number in number_of.items():
        label = "<br/>".join(_mermaid_text(text) for text in (jobs[job].name, jobs[job].detail) if text)
        lines.append(f'    {number}["{label}"]')
    lines += [f"    {number_of[parent]} --> {number_of[job]}" for job, parents in graph.items() for parent in parents]
    for state, colour in COLOURS.items():
        alike = [number for job, number in number_of.items() if jobs[job].state == state]
        if alike:
            lines.append(f"    classDef {state} fill:{colour},color:#000")
            lines.append(f"    class {','.join(alike)} {state}")
    return lines


def dot(graph: Mapping[str, Sequence[str]], jobs: Mapping[str, Labelled]) -> list[str]:
    """The lines of a DOT graph."""
    number_of = {job: f"j{number}" for number, job in enumerate(graph)}
    lines = ["digraph jobs {", "    rankdir=LR;", "    node [shape=box];"]
    for job, number in number_of.items():
        label = "\\n".join(_dot_text(text) for text in (jobs[job].name, jobs[job].detail) if text)
        colour = COLOURS.get(jobs[job].state)
        fill = f', style=filled, fillcolor="{colour}"' if colour else ""
        lines.append(f'    {number} [label="{label}"{fill}];')
    lines += [f"    {number_of[parent]} -> {number_of[job]};" for job, parents in graph.items() for parent in parents]
    return [*lines, "}"]


def _mermaid_text(text: str) -> str:
    return "".join(char if char.isalnum() or char in MERMAID_PLAIN else f"#{ord(char)};" for char in text)


def _dot_text(text: str) -> str:
    # Graphviz also reads HTML entities in labels.
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;")
