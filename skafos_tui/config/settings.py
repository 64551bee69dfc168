"""The user's own settings, `settings.yml` in the platform's config directory (SPEC 11)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from skafos_tui.config.quantities import BadValue, read_cpu, read_memory
from skafos_tui.config.settings_file import settings_file
from skafos_tui.model.project import NO_TEXT

if TYPE_CHECKING:
    from skafos_tui.config.own_commands import OwnCommand

GIBIBYTE = 1 << 30
SIZE_LIMIT = 1 << 20
NO_CHANNELS: Mapping[str, Mapping[str, str]] = MappingProxyType({})
CORES_LIMIT = 10_000.0
BYTES_LIMIT = 10_000 * GIBIBYTE
"""No machine has more; whoever writes more has mistyped a unit."""
CHANNEL_KEYS = frozenset({"webhook", "format", "email", "desktop", "bell", "command"})
SMTP_KEYS = frozenset({"host", "port", "user", "password", "from", "tls"})
COMMAND_KEYS = frozenset({"run", "key", "title", "terminal"})
THEME_WORDS = ("auto", "dark", "light", "ascii")


class SettingsError(Exception):
    """The settings can't be used; one line: what is wrong, where (`file:line:column`), what would be right."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user decides for all projects.

    `max_cpu` in cores and `max_memory` in bytes are the ceilings of what a job may ask for; `log_cap` (an attempt)
    and `log_total` in bytes. `channels` are alert channels by name. Of the screen: `theme` (words), `keymap` (command
    to its keys), `commands` (the user's own), `bell` and `title`: ring, and name the run in the window's title, when
    one fails.
    """

    image: str | None = None
    runner: str | None = None
    network: str = "bridge"
    max_cpu: float = 7.0
    max_memory: int = 30 * GIBIBYTE
    log_cap: int = GIBIBYTE
    log_total: int = 20 * GIBIBYTE
    bind: str = "127.0.0.1"
    cors: tuple[str, ...] = ()
    channels: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: NO_CHANNELS)
    smtp: Mapping[str, str] = field(default_factory=lambda: NO_TEXT)
    keymap: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    theme: str | None = None
    commands: tuple[OwnCommand, ...] = ()
    bell: bool = True
    title: bool = True


class _Wrong(Exception):
    """A value that can't be used, with the YAML node it stands in."""

    def __init__(self, node: Any, message: str) -> None:
        super().__init__(message)
        self.node = node
        self.message = message


def settings_path() -> Path:
    """Where the settings are: SKAFOS_SETTINGS, else `skafos/settings.yml` in the user's config directory."""
    return Path(settings_file())


def load_settings(path: Path | None = None) -> Settings:
    """Read the settings; the defaults where there is no file. Raises SettingsError."""
    place = path or settings_path()
    try:
        data = place.read_bytes()
    except FileNotFoundError:
        return Settings()
    except OSError as error:
        raise SettingsError(f"{place} can't be read: {error.strerror}; make it a readable file or remove it") from None
    if len(data) > SIZE_LIMIT:
        raise SettingsError(f"{place} is larger than 1 MiB: settings are a few lines")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SettingsError(f"{place} is not UTF-8 text: save it as UTF-8") from None
    return parse_settings(text, str(place))


def parse_settings(text: str, name: str) -> Settings:
    """The settings in `text`; `name` is the file's in messages. Raises SettingsError."""
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        root = yaml.compose(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
        raise SettingsError(f"{where}: no valid YAML: {error.problem or error.context}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise SettingsError(f"{name}: no valid YAML: {' '.join(str(error).split())}") from None
    if root is None or _is_null(root):
        return Settings()
    try:
        return Settings(**{key: READERS[key](value) for key, value in _entries(root, READERS)})
    except _Wrong as wrong:
        mark = wrong.node.start_mark
        raise SettingsError(f"{name}:{mark.line + 1}:{mark.column + 1}: {wrong.message}") from None


def _is_null(node: Any) -> bool:
    return bool(node.id == "scalar" and node.tag == "tag:yaml.org,2002:null")


def _entries(node: Any, known: Mapping[str, object] | frozenset[str] | None) -> list[tuple[str, Any]]:
    """The pairs of a mapping that have a value; keys outside `known` are refused (None: all keys are fine)."""
    if node.id != "mapping":
        raise _Wrong(node, "expected `key: value` pairs here")
    found: dict[str, Any] = {}
    for key_node, value in node.value:
        key = _text(key_node)
        if known is not None and key not in known:
            raise _Wrong(key_node, _unknown(key, known))
        if key in found:
            raise _Wrong(key_node, f"`{key}` stands here a second time: keep one of them")
        found[key] = value
    return [(key, value) for key, value in found.items() if not _is_null(value)]


def _unknown(key: str, known: Mapping[str, object] | frozenset[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(key.lower().replace("-", "_"), known, n=1)
    return f"unknown key `{key}`" + (
        f": did you mean `{near[0]}`?" if near else f"; known are {', '.join(sorted(known))}"
    )


def _text(node: Any) -> str:
    if node.id != "scalar":
        raise _Wrong(node, "expected text here, not a list or a mapping")
    return str(node.value)


def _one_of(*choices: str) -> Callable[[Any], str]:
    def read(node: Any) -> str:
        value = _text(node)
        if value not in choices:
            raise _Wrong(node, f"`{value}` is not known here: {' or '.join(choices)}")
        return value

    return read


def _cores(node: Any) -> float:
    try:
        return read_cpu(_text(node), CORES_LIMIT)
    except BadValue as wrong:
        raise _Wrong(node, wrong.message) from None


def _bytes(node: Any) -> int:
    try:
        return read_memory(_text(node), BYTES_LIMIT)
    except BadValue as wrong:
        raise _Wrong(node, wrong.message) from None


def _texts(node: Any) -> tuple[str, ...]:
    if node.id == "sequence":
        return tuple(_text(item) for item in node.value)
    return (_text(node),)


def _mapping(known: frozenset[str] | None = None) -> Callable[[Any], Mapping[str, str]]:
    def read(node: Any) -> Mapping[str, str]:
        return MappingProxyType({key: _text(value) for key, value in _entries(node, known)})

    return read


def _channels(node: Any) -> Mapping[str, Mapping[str, str]]:
    return MappingProxyType({key: _mapping(CHANNEL_KEYS)(value) for key, value in _entries(node, None)})


def _keymap(node: Any) -> Mapping[str, tuple[str, ...]]:
    return MappingProxyType({key: _texts(value) for key, value in _entries(node, None)})


def _theme(node: Any) -> str:
    value = _text(node)
    for word in value.lower().split():
        if word not in THEME_WORDS:
            raise _Wrong(node, f"`{word}` is not known here: {', '.join(THEME_WORDS)}, or two of them")
    return value


def _switch(node: Any) -> bool:
    value = _text(node).lower()
    if value not in ("yes", "true", "on", "no", "false", "off"):
        raise _Wrong(node, f"`{value}` is not known here: yes or no")
    return value in ("yes", "true", "on")


def _commands(node: Any) -> tuple[OwnCommand, ...]:
    return tuple(_command(name, value) for name, value in _entries(node, None))


def _command(name: str, node: Any) -> OwnCommand:
    from skafos_tui.config.own_commands import OwnCommand, read_line

    given = {"run": node} if node.id == "scalar" else dict(_entries(node, COMMAND_KEYS))
    if "run" not in given:
        raise _Wrong(node, "the shell command is missing: `run: COMMAND`")
    try:
        line, wants = read_line(_text(given["run"]))
    except ValueError as error:
        raise _Wrong(given["run"], str(error)) from None
    title, key = (_text(given[part]) if part in given else "" for part in ("title", "key"))
    terminal = "terminal" in given and _switch(given["terminal"])
    return OwnCommand(name, line, title or name, key, terminal, wants)


READERS: Mapping[str, Callable[[Any], Any]] = {
    "image": _text,
    "runner": _one_of("docker", "process"),
    "network": _one_of("bridge", "none"),
    "max_cpu": _cores,
    "max_memory": _bytes,
    "log_cap": _bytes,
    "log_total": _bytes,
    "bind": _text,
    "cors": _texts,
    "channels": _channels,
    "smtp": _mapping(SMTP_KEYS),
    "keymap": _keymap,
    "theme": _theme,
    "commands": _commands,
    "bell": _switch,
    "title": _switch,
}
"""Every key of the file and how its value is read."""
