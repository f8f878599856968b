"""Markdown cut to what a slide holds: whole sentences, and lines that can be read from the last row."""

from __future__ import annotations

import re

SENTENCE = r"(?:(?<=[.!?])|(?<=[.!?][*)]))(?<!Fig\.)(?<!Eq\.)(?<!Tab\.)\s+"


def fits(text: str, wide: int, tall: int) -> bool:
    """Whether text is there, and can be read from the last row."""
    lines = text.strip().splitlines()
    return 0 < len(lines) <= tall and max(map(len, lines)) <= wide


def readable(code: str) -> str:
    """Code less the blanks before its comments, which line them up in the notebook, and lines that import."""
    lines = [re.sub(r"(?<=\S)\s{2,}#", "  #", line) for line in code.splitlines()]
    return "\n".join(line for line in lines if not re.match(r"from |import ", line)).strip()


def paragraphs(source: str) -> list[str]:
    """Paragraphs of Markdown, each on one line; what is folded, a list or a table counts as one each."""
    source = re.sub(r"<details>.*?</details>", "", source, flags=re.DOTALL)
    return [" ".join(part.split()) for part in re.split(r"\n\s*\n", source) if part.strip()]


def prose(paragraph: str) -> bool:
    """Whether a paragraph is plain sentences."""
    return not re.match(r"[#|<$-]|\d+\. |\*\*(Figure|Predict|Trap|Explain)|```", paragraph)


def sentences(text: str, words: int) -> str:
    """As many whole sentences from the beginning of a paragraph as have not too many words."""
    if not prose(text):
        return ""
    taken = ""
    for sentence in re.split(SENTENCE, text):
        longer = f"{taken} {sentence}".strip()
        if len(longer.split()) > words and balanced(taken):
            break
        taken = longer
    return taken


def balanced(text: str) -> bool:
    """Whether all that Markdown has opened is closed."""
    return all(text.count(mark) % 2 == 0 for mark in "*`$") and text.count("(") == text.count(")")


def told(text: str, words: int) -> str:
    """The same, less a last sentence that leads to something which the slide does not show."""
    return re.sub(r"(?:^|(?<=[.!?)]) )[^.!?]*:$", "", sentences(text, words)).strip()


def leading_to(text: str, words: int) -> str:
    """As many whole sentences from a paragraph's *end* as have not too many words: what stands next to a question."""
    if not prose(text):
        return ""
    parts = [part for part in re.split(SENTENCE, text) if not part.endswith(":")]
    for start in range(len(parts)):
        kept = " ".join(parts[start:])
        if len(kept.split()) <= words and balanced(kept):
            return kept
    return ""
