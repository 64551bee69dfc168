"""Commands of the config editor; letters are text there, so keys are with ctrl."""

from __future__ import annotations

from skafos_tui.tui.command import Command, Fact, Where

_HERE = (Where.CONFIG,)
CONFIG: tuple[Command, ...] = (
    Command("config", ("e",), "config", "The config, at this job.", (Where.DASHBOARD,), in_footer=26),
    Command("go.config", ("g c",), "config", "To the config, at the top."),
    Command("finding.next", ("ctrl+g", "f8"), "next finding", "To the next finding.", _HERE, (Fact.FINDINGS,), 12),
    Command("fix", ("ctrl+t",), "take fix", "Take the fix that is offered here.", _HERE, (Fact.FIX,), 11, True),
    Command("find.text", ("ctrl+f",), "find", "Find in the text; again: the next place.", _HERE, (), 20),
    Command(
        "merge", ("ctrl+r",), "merge", "Bring your text and the changed file together.", _HERE, (Fact.APART,), 9, True
    ),
    Command(
        "unsave", ("ctrl+l", "f9"), "undo save", "The file as it was before the save.", _HERE, (Fact.SAVED,), 13, True
    ),
    Command("leave", ("ctrl+e",), "leave", "Back; what isn't saved is kept as a draft.", _HERE, (), 30),
)
