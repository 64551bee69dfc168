"""Commands of every screen."""

from __future__ import annotations

from skafos_tui.tui.command import Command, Fact, Where

GENERAL: tuple[Command, ...] = (
    Command("help", ("?", "f1"), "help", "What the keys do here.", in_footer=101),
    Command("palette", (":", "ctrl+p"), "all", "All commands by name.", in_footer=100),
    Command(
        "back",
        ("q", "escape", "h", "left"),
        "back",
        "Back; at the top `q` quits, and jobs go on.",
        in_footer=30,
        called=((Where.PROJECTS, "quit"),),
        footer_needs=(Fact.NOTHING_BELOW,),
    ),
    Command("copy", ("ctrl+c",), "copy", "Copy what is marked; it never stops a job."),
    Command("suspend", ("ctrl+z",), "suspend", "To the shell; `fg` brings you back."),
    Command("mouse", ("M",), "mouse off", "Leave the mouse to the terminal, to mark text with it; again: back."),
    Command("quit", ("ctrl+q",), "quit", "Quit from anywhere; jobs go on."),
)
