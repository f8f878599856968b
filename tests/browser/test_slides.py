"""The decks and sheets of `course pack` in a browser: they ask for nothing, fit, and can be read from the last row."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.browser.conftest import Watched
from tools.course import deck, lessons, pack, slides

pytestmark = pytest.mark.slow

WIDE, HIGH = 1280, 720
LEAST = 22  # of the 720 pixels that a slide is high
MEASURE = """() => {
  const slide = Reveal.getCurrentSlide(), box = slide.getBoundingClientRect(), scale = Reveal.getScale();
  const found = {low: 0, right: 0, letters: 999, blank: 0, words: slide.innerText.split(/\\s+/).length};
  for (const one of slide.querySelectorAll("*")) {
    const place = one.getBoundingClientRect();
    if (one.closest(".notes") || !place.width) continue;
    found.low = Math.max(found.low, (place.bottom - box.top) / scale);
    const wide = Math.max(place.width / scale, one.scrollWidth);
    found.right = Math.max(found.right, (place.left - box.left) / scale + wide);
    const text = [...one.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
    const letters = parseFloat(getComputedStyle(one).fontSize);
    if (text && !one.closest("math")) found.letters = Math.min(found.letters, letters);
    if (one.tagName !== "IMG") continue;
    const described = one.alt.length > 10 && !one.alt.startsWith("No description");
    if (!one.naturalWidth || place.height < 200 * scale || !described) found.blank += 1;
  }
  return found;
}"""


@pytest.mark.parametrize("name", lessons.numbers())
def test_every_slide_can_be_read(name: str, watched: Watched, tmp_path: Path) -> None:
    path = tmp_path / "deck.html"
    path.write_text(deck.page(name), encoding="utf-8")
    watched.page.goto(path.as_uri())
    watched.page.wait_for_selector("body[data-ready]")
    count = watched.page.evaluate("Reveal.getTotalSlides()")
    assert count == len(slides.slides(name))
    for index in range(count):
        watched.page.evaluate(f"Reveal.slide({index}, 0, 99)")  # with all that comes after clicks
        seen = watched.page.evaluate(MEASURE)
        where = f"slide {index + 1}: {seen}"
        assert seen["low"] <= HIGH and seen["right"] <= WIDE, where
        assert seen["letters"] >= LEAST and not seen["blank"] and 2 <= seen["words"] <= 150, where
    assert not watched.elsewhere and not watched.errors


def test_keys_lead_through_a_deck(watched: Watched, tmp_path: Path) -> None:
    path = tmp_path / "deck.html"
    path.write_text(deck.page("04"), encoding="utf-8")
    page = watched.page
    page.goto(path.as_uri())
    page.wait_for_selector("body[data-ready]")
    hidden = page.locator("section.present .fragment:not(.visible)")
    while not (before := hidden.count()):  # to the first slide that asks
        page.keyboard.press("ArrowRight")
    slide = page.evaluate("Reveal.getIndices().h")
    page.keyboard.press("ArrowRight")  # the answer, and not the next slide
    assert page.evaluate("Reveal.getIndices().h") == slide and hidden.count() == before - 1
    with page.expect_popup() as speaker:
        page.keyboard.press("s")
    speaker.value.wait_for_selector(".speaker-controls-notes:not(.hidden)")
    assert "stroke" in speaker.value.inner_text(".speaker-controls-notes")
    assert not watched.elsewhere and not watched.errors


@pytest.mark.parametrize("name", lessons.numbers())
def test_a_sheet_prints_on_one_page(name: str, watched: Watched, tmp_path: Path) -> None:
    path = tmp_path / "sheet.html"
    path.write_text(pack.sheet(name), encoding="utf-8")
    watched.page.goto(path.as_uri())
    printed = watched.page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 1
    assert not watched.elsewhere and not watched.errors
