"""The sample projects that come with the program: `sample_projects/` of the checkout, `_samples` once installed."""

from __future__ import annotations

from pathlib import Path

DEFAULT_SAMPLE = "wine"
"""The sample that `skafos demo` opens without a name."""

CONFIG_NAME = "metis.config.yml"


def _samples_root() -> Path:
    """The directory whose subdirectories are the samples; FileNotFoundError where the installation lost it."""
    package = Path(__file__).resolve().parent
    for root in (package / "_samples", package.parent / "sample_projects"):
        if root.is_dir():
            return root
    raise FileNotFoundError(f"the sample projects are missing from {package}: install skafos-tui again")


def sample_names() -> list[str]:
    """The names of all samples, sorted."""
    return sorted(path.parent.name for path in _samples_root().glob(f"*/{CONFIG_NAME}"))


def sample_directory(name: str) -> Path:
    """The directory of one sample, to be copied and never run in place; KeyError where there is none."""
    if name not in sample_names():
        raise KeyError(name)
    return _samples_root() / name
