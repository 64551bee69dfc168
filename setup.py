"""Ships `sample_projects/` inside the package; everything else about the build stands in pyproject.toml."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent


class BuildWithSamples(build_py):
    """Copies the samples to `skafos_tui/_samples`: they are projects, not Python packages, so no setting finds them."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return  # the checkout itself is the package: skafos_tui.samples looks beside it
        target = Path(self.build_lib) / "skafos_tui" / "_samples"
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(ROOT / "sample_projects", target, ignore=shutil.ignore_patterns("__pycache__", "data"))


setup(cmdclass={"build_py": BuildWithSamples})
