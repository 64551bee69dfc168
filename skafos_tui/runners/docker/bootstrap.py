"""A base image made from the packages of this machine's Debian or Ubuntu, for where no registry can be reached.

`python -m skafos_tui.runners.docker.bootstrap` makes it and prints its tag; exit codes as in SPEC 9.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

from skafos_tui.runners.base import BuildFailed, Progress, RunnerError, RunnerUnreachable
from skafos_tui.runners.docker.client import DockerClient, Refused
from skafos_tui.runners.docker.labels import BASE_TAG, LABEL_IMAGE

PACKAGES = ("python3", "python3-venv", "ca-certificates", "tzdata", "libstdc++6")
"""libstdc++6: numpy's wheels load it from the system; Debian's essential packages alone don't have it."""
EXCLUDED = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*")
IMAGE_CONFIG = (
    "ENV PATH=/opt/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "ENV LANG=C.UTF-8",
    'CMD ["python"]',
)
COMMAND = "sudo skafos image bootstrap"


def bootstrap(progress: Progress, client: DockerClient | None = None) -> str:
    """Make the base image, tagged `skafos/base:<version>`, and return the tag; nothing happens where it is there.

    Takes half a minute. Raises BuildFailed: not root, neither Debian nor Ubuntu, or a step that failed, with its
    words; RunnerUnreachable where Docker doesn't answer.
    """
    own = client is None
    client = client or DockerClient()
    try:
        if _present(client):
            progress(f"{BASE_TAG} is there already")
            return BASE_TAG
        release = _release()
        if os.geteuid() != 0:
            raise BuildFailed(f"a base image is made from this machine's packages by root: run `{COMMAND}`")
        _ensure_mmdebstrap(progress)
        _make(client, release, progress)
        return BASE_TAG
    finally:
        if own:
            client.close()


def _present(client: DockerClient) -> bool:
    try:
        client.call("inspect_image", lambda docker: docker.inspect_image(BASE_TAG))
    except Refused as error:
        if error.status == 404:
            return False
        raise
    return True


def _release() -> Mapping[str, str]:
    try:
        text = Path("/etc/os-release").read_text()
    except OSError:
        text = ""
    release = parse_release(text)
    if release.get("ID") not in ("debian", "ubuntu") or not release.get("VERSION_CODENAME"):
        name = release.get("PRETTY_NAME", "this system")
        raise BuildFailed(
            f"a base image is made from the packages of Debian or Ubuntu, and {name} is neither: "
            "pull one where a registry answers, `docker pull python:3.12-slim`"
        )
    return release


def parse_release(text: str) -> dict[str, str]:
    """The keys of an os-release file."""
    pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))
    return {key.strip(): value.strip().strip("\"'") for key, value in pairs}


def _ensure_mmdebstrap(progress: Progress) -> None:
    if shutil.which("mmdebstrap"):
        return
    progress("installing mmdebstrap with apt-get")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "mmdebstrap"]
    for command in (["apt-get", "update", "-qq"], install):
        result = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if result.returncode:
        words = " ".join(result.stderr.split()) or f"exit {result.returncode}"
        raise BuildFailed(f"apt-get install mmdebstrap failed: {words}")


def _make(client: DockerClient, release: Mapping[str, str], progress: Progress) -> None:
    codename = release["VERSION_CODENAME"]
    progress(f"making {BASE_TAG} from the packages of {release.get('PRETTY_NAME', codename)}")
    sources = host_sources(Path("/etc/apt"), codename, universe=release["ID"] == "ubuntu")
    with tempfile.TemporaryDirectory(prefix="skafos-bootstrap-") as directory:
        files = []
        for number, (suffix, text) in enumerate(sources):
            path = Path(directory) / f"{number}{suffix}"
            path.write_text(text)
            files.append(str(path))
        errors: list[str] = []
        with subprocess.Popen(
            mmdebstrap_command(codename, files, _apt_settings()),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            assert process.stdout is not None and process.stderr is not None
            reader = threading.Thread(target=_tell, args=(process.stderr, progress, errors), daemon=True)
            reader.start()
            output = process.stdout
            try:
                image = client.long_call("import", lambda docker: _import(docker, output))
            except BaseException:
                process.kill()
                raise
            code = process.wait()
            reader.join()
    if code:
        # What came through the pipe until then may have become an image.
        if image:
            client.call("remove_image", lambda docker: docker.remove_image(image, force=True))
        words = errors[-1] if errors else f"exit {code}"
        raise BuildFailed(f"mmdebstrap failed: {words}")
    repository, _, tag = BASE_TAG.partition(":")
    client.call("tag", lambda docker: docker.tag(image, repository, tag))
    progress(f"{BASE_TAG} is ready")


def _import(docker: object, output: IO[bytes]) -> str:
    """The id of the image made of the tar on `output`; untagged, as the tar may yet prove incomplete."""
    answer = docker.import_image_from_stream(  # type: ignore[attr-defined]
        output, changes=[*IMAGE_CONFIG, f"LABEL {LABEL_IMAGE}=base"]
    )
    found = re.findall(r'"(?:status|error)":"([^"]*)"', str(answer))
    if not found or not found[-1].startswith("sha256:"):
        return ""
    return str(found[-1])


def _tell(stream: IO[bytes], progress: Progress, errors: list[str]) -> None:
    for line in stream:
        text = line.decode(errors="replace").strip()
        # mmdebstrap draws bars only on a terminal, but "I: " leads every line.
        if text.startswith("E: "):
            errors.append(text[3:])
        if text:
            progress(re.sub(r"^[IWE]: ", "", text))


def mmdebstrap_command(codename: str, sources: list[str], apt_settings: list[str]) -> list[str]:
    """The command that writes the image's tar to its standard output."""
    return [
        "mmdebstrap",
        "--variant=essential",
        f"--include={','.join(PACKAGES)}",
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in EXCLUDED),
        "--dpkgopt=path-include=/usr/share/doc/*/copyright",
        *(f"--aptopt={line}" for line in apt_settings),
        '--customize-hook=chroot "$1" python3 -m venv /opt/venv',
        # The host's proxy settings have done their work.
        '--customize-hook=rm -f "$1"/etc/apt/apt.conf.d/99mmdebstrap',
        codename,
        "-",
        *sources,
    ]


def _apt_settings() -> list[str]:
    """The host's settings on how packages are fetched, proxies above all; a chroot starts without them."""
    result = subprocess.run(["apt-config", "dump", "Acquire"], capture_output=True, text=True)
    wanted = re.compile(r"Acquire::(https?::|Check-|Retries|ForceIPv)", re.IGNORECASE)
    return [line for line in result.stdout.splitlines() if wanted.match(line) and not line.endswith(' "";')]


def host_sources(directory: Path, codename: str, *, universe: bool) -> list[tuple[str, str]]:
    """The host's own sources of this release as (`.list` or `.sources`, text); third parties' are left out.

    `directory` is /etc/apt. With `universe` that component is added: Ubuntu keeps python3-venv there. Empty where
    the host has none, and mmdebstrap then uses the distribution's own servers.
    """
    files = [directory / "sources.list", *sorted((directory / "sources.list.d").glob("*"))]
    kept: list[tuple[str, str]] = []
    for path in files:
        if not path.is_file() or path.suffix not in (".list", ".sources"):
            continue
        entries = _stanzas(path.read_text()) if path.suffix == ".sources" else _lines(path.read_text())
        texts = [text for text, suites, parts in entries if _of_release(suites, parts, codename)]
        if universe:
            texts = [_with_universe(text) for text in texts]
        if texts:
            kept.append((path.suffix, "\n".join(texts) + "\n"))
    return kept


def _of_release(suites: list[str], components: list[str], codename: str) -> bool:
    own = re.compile(re.escape(codename) + r"([-/](updates|security|proposed-updates|backports))?/?")
    return "main" in components and bool(suites) and all(own.fullmatch(suite) for suite in suites)


def _stanzas(text: str) -> Iterator[tuple[str, list[str], list[str]]]:
    for stanza in re.split(r"\n\s*\n", text):
        lines = [line for line in stanza.splitlines() if not line.startswith("#")]
        fields = dict(re.findall(r"(?m)^([A-Za-z-]+):[ \t]*(.*)$", "\n".join(lines)))
        fields = {key.lower(): value for key, value in fields.items()}
        if fields.get("enabled", "yes").strip().lower() in ("no", "false", "off", "0"):
            continue
        if "deb" in fields.get("types", "").split():
            yield (
                "\n".join(lines) + "\n",
                fields.get("suites", "").split(),
                fields.get("components", "").split(),
            )


def _lines(text: str) -> Iterator[tuple[str, list[str], list[str]]]:
    for line in text.splitlines():
        match = re.match(r"\s*deb\s+(?:\[[^]]*\]\s+)?\S+\s+(\S+)\s+([^#]+)", line)
        if match:
            yield line.strip(), [match.group(1)], match.group(2).split()


def _with_universe(text: str) -> str:
    if re.search(r"\buniverse\b", text):
        return text
    return re.sub(r"\bmain\b", "main universe", text, count=1)


def main() -> int:
    """The command line of this module."""
    try:
        tag = bootstrap(lambda line: print(line, file=sys.stderr, flush=True))
    except RunnerUnreachable as error:
        print(f"skafos: {error}", file=sys.stderr)
        return 3
    except RunnerError as error:
        print(f"skafos: {error}", file=sys.stderr)
        return 1
    print(tag)
    return 0


if __name__ == "__main__":
    sys.exit(main())
