"""What the project's config says now, read from its file; what the dashboard shows before anything is deployed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from skafos_tui.model.diagnostic import Diagnostic, Severity
from skafos_tui.model.project import Project
from skafos_tui.text.sgr import plain


@dataclass(frozen=True, slots=True)
class Written:
    """The project; None where the config has errors or can't be read: then `note` says what is wrong first."""

    project: Project | None = None
    note: str = ""
    digest: str = ""
    """Of the file, as a deployment has it; empty: not known."""


def read_written(config: Path | None) -> Written:
    """The config as it stands now. Blocking."""
    from skafos_tui.config.reader import ConfigUnreadable, read_config
    from skafos_tui.config.settings import SettingsError, load_settings

    if config is None:
        return Written()
    try:
        settings = load_settings()
        found = read_config(config, max_cpu=settings.max_cpu, max_memory=settings.max_memory)
    except (SettingsError, ConfigUnreadable) as error:
        return Written(None, plain(str(error)))
    return written_of(found.project, found.diagnostics, config)


def written_of(project: Project | None, diagnostics: Sequence[Diagnostic], config: Path) -> Written:
    """The project with the findings of its config, as they were read from that file just now."""
    errors = [item for item in diagnostics if item.severity is Severity.ERROR]
    if project is not None or not errors:
        return Written(project, digest=_digest(config) if project is not None else "")
    first, count = errors[0], f"{len(errors)} errors" if len(errors) > 1 else "1 error"
    return Written(None, plain(f"{config.name} has {count}: line {first.line}: {first.message}"))


def _digest(config: Path) -> str:
    try:
        return hashlib.sha256(config.read_bytes()).hexdigest()
    except OSError:
        return ""
