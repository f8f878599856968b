"""The page that `python -m segnext_edu atlas` writes, in a browser: every choice, the mouse, the keys."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image
from playwright.sync_api import Page

from segnext_edu import SegNeXt
from segnext_edu.explain.atlas import page
from segnext_edu.explain.atlas.maps import look
from segnext_edu.explain.sanity.baselines import randomise
from tests.browser.conftest import Watched

pytestmark = pytest.mark.slow

CLASSES = ("wall", "sky", "tree, plant", "car", "road")
SMALL = ("base", "field", "alike-2", "alike-3", "alike-4")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A page of a small network; weights and photograph are noise, but not the same all over."""
    torch.manual_seed(3)
    model = SegNeXt("nano", len(CLASSES)).eval()
    torch.nn.init.normal_(model.decoder.classify.weight)
    model.classes, model.card = CLASSES, {"recipe": {"short_side": 96}, "terms": "For a test only."}
    randomised = randomise(model)
    randomised.classes, randomised.card = model.classes, model.card
    pixels = torch.randint(0, 90, (192, 288, 3), generator=torch.Generator().manual_seed(0)).byte()
    pixels[:, 144:] += 120
    photo = Image.fromarray(pixels.numpy())
    path: Path = tmp_path_factory.mktemp("page") / "atlas.html"
    path.write_text(page.page("noise.jpg", photo, look(model, photo), look(randomised, photo)), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def opened(watched: Watched, address: str) -> Watched:
    watched.page.goto(address)
    watched.page.wait_for_selector("body[data-ready]")
    return watched


def drawn(page: Page, *names: str) -> list[str]:
    """What canvases show now."""
    return [page.evaluate("(name) => document.getElementById(name).toDataURL()", name) for name in names]


def choose(page: Page, name: str, value: str) -> None:
    page.check(f'input[name="{name}"][value="{value}"]', force=True)


def changes(page: Page, action: Callable[[], object], *names: str) -> bool:
    """Whether all these canvases show something else afterwards."""
    before = drawn(page, *names)
    action()
    return all(a != b for a, b in zip(before, drawn(page, *names)))


def test_every_choice_changes_the_map_and_says_so(opened: Watched) -> None:
    page = opened.page
    for name, values in {
        "stage": ("1", "4", "2"),
        "block": ("1", "0"),
        "part": ("5", "7", "11", "21", "winner", "labels", "gate"),
        "reading": ("mean", "strength"),
        "network": ("1", "0"),
    }.items():
        for value in values:
            assert changes(page, lambda name=name, value=value: choose(page, name, value), "map"), f"{name} {value}"
    assert "stage 2, block 0, gate" in (page.text_content("#headline") or "").lower()
    label = page.get_attribute("#map", "aria-label") or ""
    assert "noise.jpg, trained" in label and "stage 2, block 0" in label
    assert not opened.errors


def test_opacity_fades_the_map(opened: Watched) -> None:
    page = opened.page
    assert changes(page, lambda: page.fill("#opacity", "0"), "map")
    choose(page, "part", "5")
    seen = drawn(page, "map")
    choose(page, "part", "21")
    assert drawn(page, "map") == seen  # nothing but the photograph
    assert changes(page, lambda: page.press("#opacity", "ArrowRight"), "map")


def test_clicking_and_dragging_pick_a_pixel(opened: Watched) -> None:
    page = opened.page
    box = page.locator("#map").bounding_box()
    assert box
    spot = lambda x, y: (box["x"] + x * box["width"], box["y"] + y * box["height"])  # noqa: E731
    assert changes(page, lambda: page.mouse.click(*spot(0.1, 0.2)), "map", *SMALL)
    assert "Row 20 %, column 10 %" in (page.get_attribute("#map", "aria-label") or "")
    page.mouse.move(*spot(0.1, 0.2))
    page.mouse.down()
    page.mouse.move(*spot(0.9, 0.8), steps=3)
    page.mouse.up()
    assert "Row 80 %, column 90 %" in (page.get_attribute("#map", "aria-label") or "")
    page.mouse.move(*spot(0.5, 0.5))
    assert "Row 80 %, column 90 %" in (page.get_attribute("#map", "aria-label") or "")
    assert not opened.errors


def test_all_of_it_works_from_the_keyboard(opened: Watched) -> None:
    page = opened.page
    page.focus("#map")
    for key in ("ArrowRight", "ArrowDown", "Shift+ArrowLeft", "Shift+ArrowUp"):
        assert changes(page, lambda key=key: page.keyboard.press(key), "map"), key
    assert changes(page, lambda: page.keyboard.press("r"), "map", "base")
    assert "random weights" in (page.text_content("#headline") or "")
    reached = set()
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.name || document.activeElement.id"))
    assert {"network", "stage", "block", "part", "reading", "opacity"} <= reached
    page.focus('input[name="stage"]:checked')
    assert changes(page, lambda: page.keyboard.press("ArrowRight"), "map")


def test_everything_is_labelled(opened: Watched) -> None:
    page = opened.page
    assert page.get_attribute("html", "lang") == "en"
    for name in SMALL:
        assert len((page.get_attribute(f"#{name}", "aria-label") or "").split()) > 4
    assert page.evaluate("[...document.querySelectorAll('input')].every((input) => input.labels.length > 0)")
    assert page.evaluate("[...document.querySelectorAll('fieldset')].every((set) => set.querySelector('legend'))")


def test_the_numbers_are_those_of_the_bytes(opened: Watched) -> None:
    """What the bars say is what lies in the page for the pixel that is picked."""
    shown = opened.page.text_content("#verdict")
    label = opened.page.evaluate(
        "() => { const l = atlas.networks[0].labels, [h, w] = l.shape;"
        " return atlas.classes[at(l)[Math.floor(state.y * h) * w + Math.floor(state.x * w)]]; }"
    )
    assert shown == f"trained takes this pixel for {label}"
    assert opened.page.locator("#bars .bar").count() == 5
    assert "For a test only." in (opened.page.text_content("#terms") or "")


def test_it_asks_for_nothing_and_fits_a_phone(opened: Watched) -> None:
    assert opened.requests[0].startswith("file:") and opened.elsewhere == []
    assert not [address for address in opened.requests[1:] if not address.startswith("data:")]
    opened.page.set_viewport_size({"width": 360, "height": 740})
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= 360
    assert not opened.errors
