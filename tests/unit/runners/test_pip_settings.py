"""The host's pip settings, as a build may use them."""

from __future__ import annotations

from pathlib import Path

import pytest

from skafos_tui.runners.pip_settings import config_files, read_options, read_settings, redact


def settings(tmp_path: Path, text: str = "", **environment: str):  # type: ignore[no-untyped-def]
    file = tmp_path / "pip.conf"
    file.write_text(text)
    return read_settings(
        {"PIP_CONFIG_FILE": str(file), "XDG_CONFIG_DIRS": str(tmp_path / "none"), **environment},
        home=tmp_path / "home",
        prefix=str(tmp_path),
    )


def test_files_weigh_less_than_variables_and_install_more_than_global(tmp_path: Path) -> None:
    weak, strong = tmp_path / "weak", tmp_path / "strong"
    weak.write_text("[global]\nindex-url = https://a/simple\ntimeout = 5\n[install]\nno-binary = x\n")
    strong.write_text("[global]\nindex_url = https://b/simple\nno-binary = y\n")
    options = read_options([weak, strong, tmp_path / "missing"], {"PIP_TIMEOUT": "9", "PIP_PRE": ""})
    assert options == {"index-url": "https://b/simple", "timeout": "9", "no-binary": "x"}


def test_pip_config_file_comes_last_and_devnull_means_none(tmp_path: Path) -> None:
    files = config_files({"PIP_CONFIG_FILE": "/x/pip.conf"}, tmp_path, "/venv")
    assert files[-2:] == [Path("/venv/pip.conf"), Path("/x/pip.conf")]
    assert config_files({"PIP_CONFIG_FILE": "/dev/null"}, tmp_path, "/venv") == []


def test_indexes_and_proxies_reach_the_build_but_not_the_hosts_paths(tmp_path: Path) -> None:
    found = settings(
        tmp_path,
        "[global]\nindex-url = https://me:pw@mirror/simple\ncache-dir = /x\ntarget = /y\n",
        https_proxy="http://p:3128",
        NO_PROXY="mirror",
    )
    assert found.environment == {
        "PIP_INDEX_URL": "https://me:pw@mirror/simple",
        "https_proxy": "http://p:3128",
        "NO_PROXY": "mirror",
    }
    assert found.decisive == (("index-url", "https://***@mirror/simple"),)


def test_directories_of_the_host_are_mounted_where_they_exist(tmp_path: Path) -> None:
    (tmp_path / "pypi/simple").mkdir(parents=True)
    (tmp_path / "wheels").mkdir()
    found = settings(
        tmp_path,
        f"[global]\nextra-index-url =\n  file://{tmp_path}/pypi/simple\n  file:///nowhere/simple\n"
        f"find-links = {tmp_path}/wheels https://h/links\n",
    )
    assert found.environment["PIP_EXTRA_INDEX_URL"] == f"file://{tmp_path}/pypi/simple"
    assert found.environment["PIP_FIND_LINKS"] == f"{tmp_path}/wheels https://h/links"
    # An index links to files beside it.
    assert found.directories == (tmp_path / "pypi", tmp_path / "wheels")
    assert len(found.remarks) == 1 and "/nowhere/simple" in found.remarks[0]


def test_a_systems_directory_is_never_mounted(tmp_path: Path) -> None:
    found = settings(tmp_path, PIP_FIND_LINKS="/usr")
    assert found.directories == () and "PIP_FIND_LINKS" not in found.environment
    assert "/usr" in found.remarks[0]


@pytest.mark.parametrize(
    ("environment", "on_this_host"),
    [
        ({"PIP_INDEX_URL": "http://localhost:3141/simple"}, True),
        ({"PIP_INDEX_URL": "http://u:p@127.0.0.1/simple"}, True),
        ({"HTTPS_PROXY": "http://[::1]:8080"}, True),
        ({"PIP_INDEX_URL": "https://mirror/simple", "no_proxy": "localhost,127.0.0.1"}, False),
        ({"PIP_INDEX_URL": "https://localhost.example.org/simple"}, False),
    ],
)
def test_an_index_on_the_loopback_needs_the_hosts_network(
    tmp_path: Path, environment: dict[str, str], on_this_host: bool
) -> None:
    assert settings(tmp_path, **environment).on_this_host is on_this_host


def test_the_first_bundle_that_exists_is_used(tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.touch()
    found = settings(tmp_path, PIP_CERT="/nowhere.pem", REQUESTS_CA_BUNDLE=str(bundle))
    assert found.certificates == bundle


def test_credentials_are_taken_out_of_addresses() -> None:
    assert redact("see https://me:p%40w@host/simple and file:///x@y") == "see https://***@host/simple and file:///x@y"
