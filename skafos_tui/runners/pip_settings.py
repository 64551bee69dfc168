"""The host's pip settings, as a build in a container can use them: indexes, certificates, proxies (SPEC 4).

They are read as pip reads them (https://pip.pypa.io/en/stable/topics/configuration/): files for all users, for this
user, of this environment, then PIP_CONFIG_FILE, then PIP_* variables; in files `[install]` wins over `[global]`.
"""

from __future__ import annotations

import configparser
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

USED = (
    "index-url",
    "extra-index-url",
    "find-links",
    "no-index",
    "trusted-host",
    "proxy",
    "timeout",
    "default-timeout",
    "retries",
    "pre",
    "prefer-binary",
    "only-binary",
    "no-binary",
)
"""What matters in a container; paths of caches, targets and logs are the host's own affair."""
DECISIVE = ("index-url", "extra-index-url", "find-links", "no-index", "pre", "only-binary", "no-binary")
"""What decides which packages come out: a layer is built anew when these change."""
_PLACES = ("index-url", "extra-index-url", "find-links")
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
_TOP = "bin boot dev etc home lib lib64 media mnt opt proc root run sbin srv sys tmp usr var"
_TOO_WIDE = frozenset(["/", *(f"/{name}" for name in _TOP.split())])
_CREDENTIALS = re.compile(r"(\w+://)[^/\s@]+@")


@dataclass(frozen=True, slots=True)
class PipSettings:
    """`environment` for pip in the container; `certificates` is a bundle on the host, `directories` are to be mounted
    at their own paths, `remarks` say what can't be used there.
    """

    environment: Mapping[str, str]
    certificates: Path | None
    directories: tuple[Path, ...]
    remarks: tuple[str, ...]
    decisive: tuple[tuple[str, str], ...]
    """What of it decides the outcome, without credentials."""

    @property
    def on_this_host(self) -> bool:
        """Whether an index or a proxy listens on the host's loopback, which only the host's network reaches."""
        words = " ".join(
            value for key, value in self.environment.items() if key.upper() not in ("NO_PROXY", "PIP_TRUSTED_HOST")
        )
        return re.search(r"://([^/\s@]+@)?(localhost|127\.[\d.]+|\[::1\])([:/]|\s|$)", words) is not None


def redact(text: str) -> str:
    """`text` without the user names and passwords in its URLs."""
    return _CREDENTIALS.sub(r"\1***@", text)


def read_settings(
    environment: Mapping[str, str] | None = None, home: Path | None = None, prefix: str | None = None
) -> PipSettings:
    """The settings of this process's user and environment."""
    environment = os.environ if environment is None else environment
    home = home or Path.home()
    options = read_options(config_files(environment, home, prefix or sys.prefix), environment)
    remarks: list[str] = []
    directories: list[Path] = []
    for key in _PLACES:
        if key in options:
            kept = [word for word in options[key].split() if _usable(word, key, directories, remarks)]
            options[key] = " ".join(kept)
    options = {key: value for key, value in options.items() if value}
    variables = {f"PIP_{key.upper().replace('-', '_')}": options[key] for key in USED if key in options}
    for name in PROXIES:
        for spelling in (name, name.upper()):
            if environment.get(spelling):
                variables[spelling] = environment[spelling]
    return PipSettings(
        environment=variables,
        certificates=_bundle(environment, options.get("cert")),
        directories=tuple(dict.fromkeys(directories)),
        remarks=tuple(remarks),
        decisive=tuple((key, redact(options[key])) for key in DECISIVE if key in options),
    )


def config_files(environment: Mapping[str, str], home: Path, prefix: str) -> list[Path]:
    """Where pip looks, the weakest first."""
    chosen = environment.get("PIP_CONFIG_FILE")
    if chosen == os.devnull:
        return []
    shared = [Path(directory) for directory in environment.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":") if directory]
    own = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    files = [
        *(directory / "pip/pip.conf" for directory in reversed(shared)),
        Path("/etc/pip.conf"),
        home / ".pip/pip.conf",
        own / "pip/pip.conf",
        Path(prefix) / "pip.conf",
    ]
    return [*files, Path(chosen)] if chosen else files


def read_options(files: Sequence[Path], environment: Mapping[str, str]) -> dict[str, str]:
    """Option name (`index-url`) to its value, of `pip install`."""
    sections: dict[str, dict[str, str]] = {"global": {}, "install": {}}
    for path in files:
        parser = configparser.RawConfigParser()
        try:
            parser.read(path, encoding="utf-8")
        except (OSError, configparser.Error, UnicodeDecodeError):
            # pip itself would refuse to run with it; a build that doesn't need it goes on.
            continue
        for section, found in sections.items():
            if parser.has_section(section):
                found.update((key.replace("_", "-"), value) for key, value in parser.items(section))
    variables = {
        key[4:].lower().replace("_", "-"): value
        for key, value in environment.items()
        if key.startswith("PIP_") and value
    }
    return {**sections["global"], **sections["install"], **variables}


def _usable(word: str, key: str, directories: list[Path], remarks: list[str]) -> bool:
    """Whether an index or a link can be used in the container; a directory of the host is put down to be mounted."""
    parts = urlsplit(word)
    if parts.scheme not in ("", "file"):
        return True
    path = Path(unquote(parts.path) if parts.scheme else word)
    if not path.is_absolute() or not path.exists():
        remarks.append(f"pip's {key} {word} is not there and not used")
        return False
    # The pages of an index link to files beside it.
    wanted = path.parent if key != "find-links" else path
    if str(wanted) in _TOO_WIDE:
        wanted = path
    if str(wanted) in _TOO_WIDE:
        remarks.append(f"pip's {key} {word} can't be mounted into a container and is not used")
        return False
    directories.append(wanted)
    return True


def _bundle(environment: Mapping[str, str], configured: str | None) -> Path | None:
    named = [environment.get(name) for name in ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")]
    candidates = [environment.get("PIP_CERT"), configured, *named, *BUNDLES]
    return next((Path(name) for name in candidates if name and Path(name).is_file()), None)
