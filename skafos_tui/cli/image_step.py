"""The image step of a deployment on the screen of a command: a line that redraws itself, or all lines on a pipe."""

from __future__ import annotations

from skafos_tui.cli.lines import BuildLog
from skafos_tui.cli.output import Output, clean
from skafos_tui.model.run import Deployment, DeploymentState
from skafos_tui.store.home import Home
from skafos_tui.text.durations import clock

WORTH_TELLING_S = 1.0
"""An image step shorter than this found everything made before."""


class ImageStep:
    """Shows how the image of one deployment is made, and at the end that it is there, or what was said last."""

    def __init__(self, home: Home, out: Output) -> None:
        self._home = home
        self._out = out
        self._log: BuildLog | None = None

    def show(self, deployment: Deployment | None, now: float) -> None:
        """Print what is new; `now` in seconds of any clock."""
        if deployment is None:
            return
        building = deployment.state is DeploymentState.BUILDING
        if self._log is None:
            if not building:
                return
            self._log = BuildLog(self._home.build_log(deployment.project, deployment.id), now)
        log = self._log
        lines = [clean(line) for line in log.poll()]
        if self._out.terminal and building:
            step = lines[-1] if lines else log.last or clean(deployment.step)
            if step:
                self._out.progress(f"image: {step}")
        elif not self._out.terminal:
            self._out.lines([f"image | {line}" for line in lines])
        if not building and not log.told:
            log.told = True
            self._end(deployment, log, now)

    def _end(self, deployment: Deployment, log: BuildLog, now: float) -> None:
        self._out.clear_progress()
        if deployment.state is DeploymentState.READY:
            if now - log.seen_at >= WORTH_TELLING_S:
                self._out.line(self._out.paint(f"image ready after {clock(now - log.seen_at)}", "2"))
        elif self._out.terminal:
            self._out.lines([f"image | {line}" for line in log.tail])
