"""The log pane: the logs of a run, live or old, ten million lines like ten."""

from skafos_tui.tui.widgets.log.pane import LogPane
from skafos_tui.tui.widgets.log.shown import LogAttempt, LogEvent, Shown

__all__ = ["LogAttempt", "LogEvent", "LogPane", "Shown"]
