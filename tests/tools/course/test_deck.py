"""A deck is one file that needs nothing else, made by nbconvert; formulas are MathML."""

from __future__ import annotations

import re

from tools.course import deck, slides


def test_a_deck_is_one_file() -> None:
    page = deck.page("03")
    assert page == deck.page("03")
    assert page.count("</section></section>") == len(slides.slides("03"))
    assert not re.search(
        r"""(?:src|href|@import)\s*[=(]?\s*["'](?!data:|#)""", re.sub(r"(?s)<script>.*?</script>", "", page)
    )
    assert page.count('class="fragment"') >= 4 and page.count('<aside class="notes">') >= 10
    assert re.search(r'alt="[^"]{20,}"', page)
    assert "Permission is hereby granted" in page  # reveal.js's license


def test_notes_hold_what_the_slide_leaves_out() -> None:
    cells = deck.deck("03").cells
    notes = [cell.source for cell in cells if cell.metadata.get("slideshow", {}).get("slide_type") == "notes"]
    assert any(note.startswith("**Figure 6.**") for note in notes)


def test_formulas_become_mathml() -> None:
    assert deck.drawn("$$a^2$$").startswith("<math") and 'display="block"' in deck.drawn("$$a^2$$")
    assert 'display="inline"' in deck.drawn("so $x$ it is") and deck.drawn("5 $ and 6") == "5 $ and 6"
    assert not any("$$" in cell.source for name in ("04", "06") for cell in deck.deck(name).cells)


def test_links_become_their_text() -> None:
    assert deck.unlinked("see [notebook 03](03_strip.ipynb) and ![a](b.png)") == "see notebook 03 and ![a](b.png)"
