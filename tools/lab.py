"""JupyterLab at the tour: `python -m tools.lab`; with --course a lecturer gets nbgrader's panels as well.

Further options are JupyterLab's own. The settings lie in tools/jupyter and hold for what is started here alone; the
user's own, in ~/.jupyter, are left as they are, and go first where somebody has changed them in JupyterLab.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from jupyterlab.labapp import LabApp

SETTINGS = Path(__file__).with_name("jupyter")


def main(arguments: Sequence[str]) -> None:
    """Open JupyterLab; returns when it is closed."""
    course, options = "--course" in arguments, [argument for argument in arguments if argument != "--course"]
    folders = [SETTINGS / "everyone"] if course else [SETTINGS / "learner", SETTINGS / "everyone"]
    before = os.environ.get("JUPYTER_CONFIG_PATH")
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join([*map(str, folders), *filter(None, [before])])
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # in a container; JupyterLab refuses unless told
        options.append("--allow-root")
    LabApp.launch_instance(["--LabApp.default_url=/lab/tree/notebooks/00_tour.ipynb", *options])


if __name__ == "__main__":
    main(sys.argv[1:])
