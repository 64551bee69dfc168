"""What jobs say about each other: ids and names used twice, dependencies on nothing, on oneself, in a circle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from skafos_tui.config.jobs import JobDraft
from skafos_tui.config.nodes import Node
from skafos_tui.config.places import short
from skafos_tui.config.quantities import BadValue
from skafos_tui.config.reading import Reading
from skafos_tui.model.diagnostic import Fix, Severity
from skafos_tui.model.graph import find_cycles, reachable

_CYCLE_SHOWN = 8
MAX_GUESSED = 100
"""Unknown ids that are compared with every other; so a file of nothing else ends soon, too."""


class Relations:
    """The jobs of a project by id and name, and the graph their dependencies make."""

    def __init__(self, reading: Reading, drafts: Sequence[JobDraft]) -> None:
        self._reading = reading
        self._drafts = drafts
        self._by_id: dict[str, JobDraft] = {}
        for draft in drafts:
            if draft.id is not None:
                self._by_id.setdefault(draft.id, draft)
        self.graph: dict[str, list[str]] = {
            job_id: [name for name, _ in draft.dependencies if name in self._by_id]
            for job_id, draft in self._by_id.items()
        }
        self._guesses = 0
        self._names = Counter(draft.name for draft in drafts if draft.name is not None)
        self._named: dict[str, JobDraft] = {}
        for draft in drafts:
            if draft.name is not None:
                self._named.setdefault(draft.name.casefold(), draft)

    def known(self) -> set[str]:
        """Every id and name of a job."""
        return {*self._by_id, *(name for name in self._names if name is not None)}

    def check(self) -> None:
        """All findings about relations between jobs."""
        for draft in self._drafts:
            self._check_identity(draft)
            for name, node in draft.dependencies:
                if name == draft.id:
                    message = f"`{short(draft.shown_name)}` depends on itself; remove this id"
                    self._add(draft, "self-dependency", message, node)
                elif name not in self._by_id:
                    self._unknown(draft, name, node)
        self._check_repeated_names()
        for cycle in find_cycles(self.graph):
            self._report_cycle(cycle)

    def accepts(self, draft: JobDraft, names: Sequence[str]) -> bool:
        """Whether a job could depend on these ids without a new error."""
        return all(self._could_follow(draft, name) for name in names)

    def _could_follow(self, draft: JobDraft, name: str) -> bool:
        if name not in self._by_id or draft.id is None or name == draft.id:
            return False
        return draft.id not in reachable([name], self.graph)

    def _add(self, draft: JobDraft, code: str, message: str, node: Node, fix: Fix | None = None) -> None:
        with self._reading.within(draft.node, draft.id):
            self._reading.error(code, message, node, fix)

    def _check_identity(self, draft: JobDraft) -> None:
        if draft.id is None or draft.id_node is None or self._by_id[draft.id] is draft:
            return
        first = self._by_id[draft.id]
        message = f"`{short(draft.id)}` is the id of `{short(first.shown_name)}` already; each job needs its own"
        fix = self._reading.replacement(draft.id_node, self._reading.options.new_id(), "Write a new id")
        self._add(draft, "duplicate-id", message, draft.id_node, fix)

    def _check_repeated_names(self) -> None:
        if len(self._names) == self._names.total():
            return
        seen: set[str] = set()
        for draft in self._drafts:
            if draft.name is None:
                continue
            node = draft.section.value("name")
            if draft.name in seen and node is not None:
                message = f"another job is called `{short(draft.name)}`, too; only their ids tell them apart"
                with self._reading.within(draft.node, draft.id):
                    self._reading.add(Severity.WARNING, "duplicate-name", message, node.start, node.end)
            seen.add(draft.name)

    def _unknown(self, draft: JobDraft, name: str, node: Node) -> None:
        meant = self._meant(name)
        if meant is None or meant.id is None:
            message = f"`{short(name)}` is no job of this project; write the job_id of one"
            fix = self._reading.straight_quotes(node, lambda text: self._known_id(draft, text))
        else:
            message = f"`{short(name)}` is no job_id; `{short(meant.shown_name)}` has the id {short(meant.id)}"
            fix = None
            if self._could_follow(draft, meant.id) and meant.id.isascii() and meant.id.replace("-", "").isalnum():
                title = f"Write the id of `{short(meant.shown_name)}`"
                fix = self._reading.replacement(node, meant.id, title)
        self._add(draft, "unknown-dependency", message, node, fix)

    def _known_id(self, draft: JobDraft, text: str) -> None:
        if not self._could_follow(draft, text):
            raise BadValue("unknown-dependency", "no job")

    def _meant(self, name: str) -> JobDraft | None:
        """The job that a text which is no id most likely means: by its name, else by an id a few letters away."""
        if self._names[name.strip()] > 1:
            return None
        by_name = self._named.get(name.strip().casefold())
        if by_name is not None:
            return by_name
        if name.strip() in self._by_id:
            return self._by_id[name.strip()]
        self._guesses += 1
        if self._guesses > MAX_GUESSED:
            return None
        near = [job_id for job_id in self._by_id if _is_near(job_id, name)]
        return self._by_id[near[0]] if len(near) == 1 else None

    def _report_cycle(self, cycle: Sequence[str]) -> None:
        drafts: Mapping[str, JobDraft] = self._by_id
        first, following = drafts[cycle[0]], cycle[1 % len(cycle)]
        names = [short(drafts[job_id].shown_name, 40) for job_id in cycle[:_CYCLE_SHOWN]]
        if len(cycle) > _CYCLE_SHOWN:
            names.append(f"… ({len(cycle) - _CYCLE_SHOWN} more)")
        way = " → ".join([*names, names[0]])
        node = next(node for name, node in first.dependencies if name == following)
        message = f"jobs wait for each other in a circle: {way}; take one of these dependencies out"
        self._add(first, "dependency-cycle", message, node)


def _is_near(job_id: str, text: str) -> bool:
    if len(job_id) != len(text) or len(text) < 8:
        return False
    if job_id.lower() == text.lower():
        return True
    return sum(a != b for a, b in zip(job_id, text, strict=True)) <= 2
