"""What a learner sees who types `make lab`, and a lecturer who types `make lab-course`."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.browser.conftest import ROOT, Watched, jupyterlab

TOUR = "notebooks/00_tour.ipynb"
NEWS = re.compile("news|update", re.IGNORECASE)
ASKING = re.compile("/lab/api/(news|update)")


def opened(watched: Watched, home: Path, *flags: str) -> str:
    """What is written on JupyterLab's menus, panels and buttons, a copy of the tour being open."""
    (home / "work" / "notebooks").mkdir(parents=True)
    shutil.copy(ROOT / TOUR, home / "work" / TOUR)  # JupyterLab saves what it shows
    with jupyterlab(home, f"--ServerApp.root_dir={home / 'work'}", *flags) as (address, token):
        page = watched.page
        page.goto(f"{address}/?token={token}")  # which leads to where JupyterLab starts
        page.locator(".jp-Notebook", has_text="SegNeXt").first.wait_for()
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
        assert page.url.endswith(f"/lab/tree/{TOUR}")
        assert not page.locator(".Toastify__toast", has_text=NEWS).count()
        return "\n".join(page.locator("#jp-menu-panel, .jp-SideBar, .jp-NotebookPanel-toolbar").all_inner_texts())


def test_make_starts_it() -> None:
    """The Makefile adds nothing to what is tried here."""
    rules = (ROOT / "Makefile").read_text("utf-8")
    assert re.search(r"\nlab: \$\(READY\).*\n\t\$\(PY\) -m tools\.lab \$\(LAB_FLAGS\)\n", rules)
    assert re.search(r"\nlab-course: \$\(READY\).*\n\t\$\(PY\) -m tools\.lab --course \$\(LAB_FLAGS\)\n", rules)


@pytest.mark.slow
@pytest.mark.parametrize("flags", [(), ("--course",)], ids=["learner", "lecturer"])
def test_lecturers_panels_are_for_lecturers(watched: Watched, tmp_path: Path, flags: tuple[str, ...]) -> None:
    written = opened(watched, tmp_path, *flags)
    for name in ("Nbgrader", "Create Assignment", "Validate"):
        assert (name.lower() in written.lower()) == bool(flags), name
    assert not list(filter(ASKING.search, watched.requests))  # nothing is asked, nor offered
    assert watched.elsewhere == []
    written_down = [file.name for place in ("config", "settings") for file in (tmp_path / place).rglob("*.json*")]
    assert not written_down, "the user's own settings are left alone"
