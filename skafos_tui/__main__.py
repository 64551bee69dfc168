"""`python -m skafos_tui` is `skafos`."""

from skafos_tui.cli.main import entry

entry()
