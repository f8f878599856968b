"""The attention atlas in a notebook's two lives: with a kernel, in JupyterLab, and without one, as a page.

Both use the figure of notebook 10. All of that notebook's cells are run elsewhere, without a browser.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import nbconvert
import nbformat
import pytest
from PIL import Image
from playwright.sync_api import Page

from segnext_edu.lessons.figures.upload import MOST_BYTES
from tests.browser.conftest import Watched, jupyterlab
from tools.notebooks import FOLDER

pytestmark = pytest.mark.slow

NOTEBOOK = FOLDER / "10_attention_atlas.ipynb"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address, in a JupyterLab of its own, of notebook 10 with no cells but the figure's."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    (first,) = (i for i, cell in enumerate(notebook.cells) if "atlas = figures.explorer(" in cell.source)
    notebook.cells = notebook.cells[first : first + 2]  # made, and shown
    home = tmp_path_factory.mktemp("lab")
    (home / "work").mkdir()
    nbformat.write(notebook, home / "work" / NOTEBOOK.name)
    settings = home / "settings" / "@jupyterlab/notebook-extension/tracker.jupyterlab-settings"
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps({"windowingMode": "none"}))  # else cells are drawn when they come into view
    flags = ("--LabApp.extension_manager=readonly", f"--ServerApp.root_dir={home / 'work'}")
    with jupyterlab(home, *flags) as (address, token):
        yield f"{address}/lab/tree/{NOTEBOOK.name}?token={token}"


PICTURE = """() => {
  const image = [...document.querySelectorAll('img.widget-image')].pop();
  if (!image || !image.complete || !image.naturalWidth) return null;
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
  canvas.getContext('2d').drawImage(image, 0, 0);
  return canvas.toDataURL();
}"""


def changes(page: Page, action: Callable[[], object]) -> None:
    """Do something, and wait until the figure's picture is another one: a Timeout says that it stayed."""
    before = page.evaluate(PICTURE)
    action()
    page.wait_for_function(f"(before) => {{ const now = ({PICTURE})(); return now && now !== before; }}", arg=before)


def readout(page: Page, control: str) -> str:
    return page.locator(slider(control)).locator(".widget-readout").inner_text()


def slider(control: str) -> str:
    return f'.widget-slider:has(label:text-is("{control}"))'


def run_all(page: Page) -> None:
    """Run > Run All Cells, once the kernel is there; until the last one is done."""
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
    page.locator(".lm-MenuBar-itemLabel", has_text="Run").first.click()
    page.locator(".lm-Menu-itemLabel").get_by_text("Run All Cells", exact=True).click()
    page.wait_for_selector(".segnext-picker", timeout=240_000)
    page.wait_for_selector('.jp-Notebook-ExecutionIndicator[data-status="idle"]', state="attached", timeout=240_000)


def test_live_in_jupyterlab(watched: Watched, lab: str, tmp_path: Path) -> None:
    """The cells run; a slider, a click, a drag, the keys, an upload and a broken one; nothing fails or is fetched."""
    page = watched.page
    page.goto(lab)
    run_all(page)
    assert page.locator(".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.error']").count() == 0
    picker = page.locator(".segnext-picker").last
    picker.scroll_into_view_if_needed()
    page.wait_for_function(PICTURE)

    handle = page.locator(slider("row, %")).locator(".noUi-handle").last
    handle.focus()
    before = int(readout(page, "row, %"))
    changes(page, lambda: page.keyboard.press("ArrowRight"))
    assert int(readout(page, "row, %")) == before + 1

    box = picker.bounding_box()
    assert box
    changes(page, lambda: page.mouse.click(box["x"] + 0.2 * box["width"], box["y"] + 0.3 * box["height"]))
    page.wait_for_selector(".segnext-picker[aria-label*='row 30 %, column 20 %']")
    assert (readout(page, "row, %"), readout(page, "column, %")) == ("30", "20")

    for key, row, column in (("ArrowDown", 31, 20), ("ArrowRight", 31, 21), ("Shift+ArrowUp", 21, 21)):
        changes(page, lambda key=key: page.keyboard.press(key))
        assert (readout(page, "row, %"), readout(page, "column, %")) == (str(row), str(column))

    def drag() -> None:
        page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 0.3 * box["height"])
        page.mouse.down()
        page.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + 0.7 * box["height"], steps=4)
        page.mouse.up()

    changes(page, drag)
    page.wait_for_selector(".segnext-picker[aria-label*='row 70 %, column 80 %']")

    Image.new("RGB", (96, 64), "teal").save(tmp_path / "sea.png")
    Image.frombytes("RGB", (2400, 1600), os.urandom(2400 * 1600 * 3)).save(tmp_path / "huge.png")
    assert (tmp_path / "huge.png").stat().st_size > MOST_BYTES
    (tmp_path / "film.mp4").write_bytes(bytes(MOST_BYTES + 1))
    (tmp_path / "letter.png").write_text("Dear photograph")
    button = page.locator(".jupyter-button", has_text="your own photograph")
    changes(page, lambda: upload(page, button, tmp_path / "sea.png"))
    upload(page, button, tmp_path / "letter.png")
    page.get_by_text("letter.png is not a picture that can be read").wait_for()
    upload(page, button, tmp_path / "film.mp4")
    page.get_by_text("film.mp4 is not a picture that can be read").wait_for()
    upload(page, button, tmp_path / "huge.png")
    page.locator("option", has_text="huge.png").wait_for(state="attached")
    page.wait_for_function(PICTURE)

    assert watched.errors == []
    assert watched.elsewhere == []


def upload(page: Page, button: object, file: Path) -> None:
    with page.expect_file_chooser() as chooser:
        button.click()
    chooser.value.set_files(file)


@pytest.mark.parametrize("template", ["classic", "lab"])
def test_still_as_a_page(watched: Watched, tmp_path: Path, template: str) -> None:
    """Made by nbconvert, it shows the picture as it was stored, large enough to be seen, and no broken widget."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    pictured = [
        c for c in notebook.cells if any("image/png" in output.get("data", {}) for output in c.get("outputs", []))
    ]
    notebook.cells = pictured[-1:]  # the interactive figure is the last picture
    page, _ = nbconvert.HTMLExporter(template_name=template).from_notebook_node(notebook)
    (tmp_path / "page.html").write_text(page, encoding="utf-8")
    # nbconvert's pages ask the network for scripts; the picture must be there without.
    watched.page.route("**/*", lambda route: route.continue_() if route.request.url[:5] == "file:" else route.abort())
    watched.page.goto((tmp_path / "page.html").as_uri(), wait_until="domcontentloaded")
    image = watched.page.locator("img").last
    image.wait_for()
    assert image.evaluate("(image) => image.decode().then(() => image.naturalWidth)") >= 600
    box = image.bounding_box()
    assert box and box["width"] >= 500 and box["height"] >= 150
    assert "model not found" not in (watched.page.text_content("body") or "").lower()
