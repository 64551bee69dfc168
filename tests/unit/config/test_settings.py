"""The user's settings: defaults, every key, and one line with a place for everything that is wrong."""

from __future__ import annotations

from pathlib import Path

import platformdirs
import pytest

from skafos_tui.config.own_commands import OwnCommand
from skafos_tui.config.settings import READERS, Settings, SettingsError, load_settings, parse_settings, settings_path


def test_a_missing_file_gives_the_defaults_of_the_contract(tmp_path: Path) -> None:
    settings = load_settings(tmp_path / "settings.yml")
    assert settings == Settings()
    assert (settings.network, settings.max_cpu, settings.max_memory) == ("bridge", 7.0, 30 << 30)
    assert (settings.log_cap, settings.log_total, settings.bind) == (1 << 30, 20 << 30, "127.0.0.1")


@pytest.mark.parametrize("text", ["", "# only a comment\n", "image:\nrunner: ~\n", "---\n"])
def test_keys_without_a_value_count_as_not_given(text: str) -> None:
    assert parse_settings(text, "s") == Settings()


@pytest.mark.parametrize("runner", ["docker", "process"])
def test_either_runner_can_be_the_one_of_new_projects(runner: str) -> None:
    assert parse_settings(f"runner: {runner}\n", "s").runner == runner


def test_every_key_is_read_as_the_text_that_stands_there() -> None:
    text = """
image: 3.12
runner: docker
network: none
max_cpu: 16
max_memory: 64Gi
log_cap: 512Mi
log_total: 1.5G
bind: 0.0.0.0
cors: ["https://a.example", "https://b.example"]
channels: {team: {webhook: "https://example.org/x", format: slack}, page: {command: "notify-send hi"}}
smtp: {host: mail, port: 25}
keymap: {cancel: X, older: ["{", "<"]}
theme: dark ascii
commands:
  open: xdg-open {project}
  lint: {run: "ruff check {project}/jobs", key: L, title: check style, terminal: yes}
bell: no
title: off
"""
    settings = parse_settings(text, "s")
    assert settings.image == "3.12"
    assert (settings.network, settings.max_cpu, settings.max_memory) == ("none", 16.0, 64 << 30)
    assert (settings.log_cap, settings.log_total) == (512 << 20, 1_500_000_000)
    assert settings.cors == ("https://a.example", "https://b.example")
    assert settings.channels["team"] == {"webhook": "https://example.org/x", "format": "slack"}
    assert settings.smtp == {"host": "mail", "port": "25"}
    assert settings.keymap == {"cancel": ("X",), "older": ("{", "<")}
    wants = frozenset({"project"})
    assert settings.commands == (
        OwnCommand("open", 'xdg-open "${SKAFOS_PROJECT_DIRECTORY}"', "open", wants=wants),
        OwnCommand("lint", 'ruff check "${SKAFOS_PROJECT_DIRECTORY}"/jobs', "check style", "L", True, wants),
    )
    assert (settings.theme, settings.bell, settings.title) == ("dark ascii", False, False)


def test_every_field_can_be_set() -> None:
    assert set(READERS) == set(Settings.__slots__)


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("max_cpus: 8\n", "1:1", "did you mean `max_cpu`?"),
        ("theme: drak\n", "1:8", "auto, dark, light, ascii"),
        ("bell: loud\n", "1:7", "yes or no"),
        ("commands: {a: {key: x}}\n", "1:15", "`run: COMMAND`"),
        ("commands: {a: {rnu: x}}\n", "1:16", "did you mean `run`?"),
        ("commands: {a: \"echo '{job}'\"}\n", "1:15", "quoted by itself"),
        ("theme: dark\nlog-cap: 1Gi\n", "2:1", "did you mean `log_cap`?"),
        ("zzz: 1\n", "1:1", "known are bell, bind, channels"),
        ("theme: dark\ntheme: light\n", "2:1", "second time"),
        ("max_cpu: 0\n", "1:10", "above 0"),
        ("max_cpu: many\n", "1:10", "number of cores"),
        ("max_cpu: -1\n", "1:10", "above 0"),
        ("max_memory: 2gb\n", "1:13", "Mi, Gi, M or G"),
        ("max_memory: 0Gi\n", "1:13", "above 0"),
        ("network: host\n", "1:10", "bridge or none"),
        ("runner: podman\n", "1:9", "docker or process"),
        ("image: [a]\n", "1:8", "expected text"),
        ("- a\n", "1:1", "`key: value` pairs"),
        ("smtp: {hots: x}\n", "1:8", "did you mean `host`?"),
        ("channels: {t: {webhok: x}}\n", "1:16", "did you mean `webhook`?"),
        ("a: [\n", "2:1", "no valid YAML"),
        ("a: b: c\n", "1:5", "no valid YAML"),
    ],
)
def test_what_is_wrong_is_one_line_with_its_place_and_what_would_be_right(text: str, place: str, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_settings(text, "settings.yml")
    message = str(caught.value)
    assert message.startswith(f"settings.yml:{place}: ")
    assert words in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("data", "words"), [(b"\xff\xfe", "not UTF-8"), (b"#" * (1 << 20) + b"\n", "larger than 1 MiB"), (b"a\0b", "YAML")]
)
def test_files_that_are_no_settings_are_refused_in_one_line(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "settings.yml"
    path.write_bytes(data)
    with pytest.raises(SettingsError, match=words) as caught:
        load_settings(path)
    assert "\n" not in str(caught.value)


def test_nesting_without_end_is_refused_and_does_not_crash() -> None:
    with pytest.raises(SettingsError):
        parse_settings("[" * 5000, "s")


def test_a_directory_in_place_of_the_file_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="can't be read"):
        load_settings(tmp_path)


def test_the_environment_can_name_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "mine.yml"
    other.write_text("theme: light\n")
    monkeypatch.setenv("SKAFOS_SETTINGS", str(other))
    assert settings_path() == other
    assert load_settings().theme == "light"


@pytest.mark.parametrize("base", [None, "", " ", "relative", "/etc/xdg-of-mine", "/with a space/é"])
def test_the_place_without_platformdirs_is_the_one_it_names(base: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SKAFOS_SETTINGS", raising=False)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    if base is not None:
        monkeypatch.setenv("XDG_CONFIG_HOME", base)
    assert settings_path() == Path(platformdirs.user_config_dir("skafos", appauthor=False)) / "settings.yml"
