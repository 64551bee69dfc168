"""Finding in whatever has lines, and taking them elsewhere: one key, one meaning in all of them."""

from __future__ import annotations

from skafos_tui.tui.command import Command, Fact, Where

_HERE = (Where.LOG,)
_TEXTS = (Where.LOG, Where.TEXT)
_BOTH = (Where.LOG, Where.HISTORY)
_ROWS = (Fact.ROWS,)
_FOUND = (Fact.SEARCHED,)
_SAVE = "Save: the config; of a log what is shown, to a file."
FINDING: tuple[Command, ...] = (
    Command(
        "find",
        ("/",),
        "find",
        "Find: in a log a regular expression, in small letters whatever the case.",
        (Where.DASHBOARD, *_BOTH),
        _ROWS,
        29,
        in_footer_at=((Where.LOG, 8), (Where.HISTORY, 8)),
    ),
    Command("find.next", ("n",), "next", "To the next place that was looked for.", _HERE, _FOUND, 9),
    Command("find.previous", ("N",), "previous", "To the place before that was looked for.", _HERE, _FOUND),
    Command("only", ("&",), "only", "Show only what matches; in the history: what failed.", _BOTH, _ROWS, 10),
    Command("yank", ("y",), "copy", "Copy: in a log the marked lines, else the current one.", _TEXTS, _ROWS, 22),
    Command("editor", ("E",), "editor", "Open it in $EDITOR.", _HERE, _ROWS, 23),
    Command("pager", ("|",), "pager", "Show all of it in $PAGER.", _HERE, _ROWS),
    # What a read-only screen shows can be saved; that it writes no config is said by the editor itself.
    Command("save", ("ctrl+s",), "save", _SAVE, (Where.LOG, Where.CONFIG), (), 24),
)
