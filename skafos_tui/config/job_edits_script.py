"""The first script of a new job: what it is called, and what stands in it."""

from __future__ import annotations

import re
import unicodedata

_SCRIPT = re.compile(r"[\w.-]+(?:/[\w.-]+)*\.py")


def script_name(job_name: str) -> str:
    """A file name for a job: lower case letters, digits and underscores, `.py`."""
    plain = unicodedata.normalize("NFKD", job_name).encode("ascii", "ignore").decode()
    return (re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_") or "job") + ".py"


def is_script(entrypoint: str) -> bool:
    """Whether an entrypoint is nothing but a script inside the project, so that it can be made."""
    return _SCRIPT.fullmatch(entrypoint) is not None and ".." not in entrypoint.split("/")


def script_text(job_name: str) -> str:
    """What stands in the first script of a job."""
    return f"# {job_name}\n\nprint({job_name!r}, flush=True)\n"
