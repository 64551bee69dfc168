"""The built-in SDK satisfies what asks for it (SPEC 4)."""

from __future__ import annotations

import pytest

from skafos_tui.engine.deployments import _names_sdk, without_sdk


@pytest.mark.parametrize(
    ("line", "names"),
    [
        (b"skafossdk", True),
        (b"skafossdk==1.2.0\n", True),
        (b"SkafosSDK >= 1, < 2", True),
        (b"skafossdk[extra]~=1.0 ; python_version > '3.6'", True),
        (b"skafossdk  # the SDK", True),
        (b"skafossdk @ git+https://github.com/skafos/skafossdk.git", True),
        (b"git+https://github.com/skafos/skafossdk.git", True),
        (b"git+https://github.com/skafos/skafossdk@v1.2#egg=skafossdk", True),
        (b"-e git+ssh://git@github.com/skafos/skafossdk.git#egg=skafossdk", True),
        (b"https://files.example/skafossdk-1.2-py3-none-any.whl", True),
        (b"skafossdk-tools==1.0", False),
        (b"https://files.example/skafossdk-tools-1.2.tar.gz", False),
        (b"my-skafossdk", False),
        (b"# skafossdk", False),
        (b"numpy", False),
        (b"git+https://github.com/other/tool.git", False),
        (b"", False),
        (b"\xff\xfe", False),
        (b"git+https://x/\xff", False),
    ],
)
def test_a_line_names_the_sdk(line: bytes, names: bool) -> None:
    assert _names_sdk(line) is names


def test_only_the_lines_of_the_sdk_go() -> None:
    assert without_sdk(b"numpy\nskafossdk==1.2\r\n# a remark\npandas") == b"numpy\n# a remark\npandas"


@pytest.mark.parametrize("content", [b"", b"skafossdk\n", b"# nothing\n\n", b"  \nskafossdk"])
def test_nothing_left_to_install_is_none(content: bytes) -> None:
    assert without_sdk(content) is None
