"""Which of two versions is newer, in the order of PEP 440; standard library only."""

from __future__ import annotations

import re

_FORM = re.compile(
    r"v?(?:(?P<epoch>\d+)!)?(?P<release>\d+(?:\.\d+)*)"
    r"(?:[-_.]?(?P<pre>alpha|a|beta|b|preview|pre|rc|c)[-_.]?(?P<pre_number>\d*))?"
    r"(?:[-_.]?(?P<post>post|rev|r)[-_.]?(?P<post_number>\d*)|-(?P<bare_post>\d+))?"
    r"(?:[-_.]?(?P<dev>dev)[-_.]?(?P<dev_number>\d*))?"
    r"(?:\+[a-z0-9-_.]+)?",
    re.IGNORECASE,
)
_ALPHA, _BETA, _CANDIDATE, _FINAL = range(4)
_ONLY_DEV = -1
_STAGES = {"a": _ALPHA, "b": _BETA, "c": _CANDIDATE, "r": _CANDIDATE, "p": _CANDIDATE}
"""By the first letter of a pre-release's word."""

Key = tuple[int, tuple[int, ...], tuple[int, int], int, tuple[bool, int]]
UNKNOWN: Key = (-1, (), (_ONLY_DEV, 0), -1, (False, 0))


def is_newer(one: str, other: str) -> bool:
    """Whether version `one` is newer than `other`; what is no version is older than every version."""
    return order_of(one) > order_of(other)


def order_of(version: str) -> Key:
    """What versions sort by: `1.dev2 < 1a1 < 1rc1 < 1 == 1.0 == 1+local < 1.post1 < 1.1`."""
    found = _FORM.fullmatch(version.strip())
    if found is None:
        return UNKNOWN
    release = [int(part) for part in found["release"].split(".")]
    while release and release[-1] == 0:
        release.pop()
    posted = found["post"] is not None or found["bare_post"] is not None
    post = int(found["post_number"] or found["bare_post"] or 0) if posted else -1
    if found["pre"] is not None:
        stage = (_STAGES[found["pre"][0].lower()], int(found["pre_number"] or 0))
    else:
        stage = (_ONLY_DEV if found["dev"] is not None and not posted else _FINAL, 0)
    dev = (found["dev"] is None, int(found["dev_number"] or 0))
    return int(found["epoch"] or 0), tuple(release), stage, post, dev
