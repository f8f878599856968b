"""SegNeXt on one page: the package's own source at the left, what it does at the right (`python -m tools.onepage`).

The code is read from the modules and the explanations begin with their docstrings, so the page cannot part from the
package; NOTES adds what a method's docstring has no room for.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from types import ModuleType

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from segnext_edu.files import appears_whole
from segnext_edu.lessons import diagrams
from segnext_edu.lessons.diagrams.svg import Drawing
from segnext_edu.lessons.series import SERIES
from segnext_edu.model import hamburger, msca, mscan, segnext, strip_conv

PAGE = Path(__file__).resolve().parents[1] / "notebooks" / "segnext_on_one_page.html"

PARTS: tuple[tuple[str, ModuleType, Drawing | None], ...] = (  # topic, module, its drawing
    ("strip_conv", strip_conv, diagrams.strip_pair(7)),
    ("msca", msca, diagrams.msca()),
    ("mscan", mscan, diagrams.block()),
    ("hamburger", hamburger, diagrams.hamburger()),
    ("segnext", segnext, diagrams.network()),
)

NOTES = {
    "StripConv.forward": "A k × k square becomes k weights across and k down. Zero padding keeps the size.",
    "MSCA.gate": "Eq. 1. `around`, what the 5 × 5 returned, is the identity branch and the strips' input.",
    "MSCA.forward": "Eq. 2. Most networks add what a branch computed; MSCA multiplies. No sigmoid, no softmax.",
    "Attention.forward": "The shortcut is in the authors' code and not in Fig. 2(a).",
    "StochasticDepth.forward": "One random number per sample. Dividing by 1 − rate keeps the mean.",
    "FFN.forward": "A transformer's MLP with a 3 × 3 depthwise convolution between its two layers.",
    "Block.forward": "Pre-norm: BatchNorm comes before each half; the sum itself is never normalised.",
    "ChannelNorm.forward": "The map stays (B, C, H, W); only the view that LayerNorm sees has the channels last.",
    "Stage.forward": "The norm at the end is in the authors' code. Its output feeds the next stage and the decoder.",
    "MSCAN.__init__": "Stochastic depth grows linearly from 0 in the first block to `drop_path` in the last.",
    "MSCAN.forward": "Four maps at strides 4, 8, 16 and 32; the decoder uses the last three.",
    "NMF.start": "The reference draws new bases at every call: one photograph, two predictions. Here it has one.",
    "NMF.forward": "Under autocast, too, the updates are computed in float32: in float16 they overflow.",
    "Hamburger.forward": "The last ReLU comes after the sum, as in the authors' code.",
    "LightHam.forward": "Stage 1 is left out: it would cost the most and help the least (section 3.2 of the paper).",
    "SegNeXt.encode": "Any height and width from 32 pixels on; sides that are no multiple of 32 are rounded up.",
    "SegNeXt.decode": "The classifier works at stride 8.",
    "SegNeXt.forward": "The logits are enlarged, and not the labels.",
}

STYLE = """
:root { --page: #fff; --ink: #16212c; --rule: #d8dee4; --code: #f6f8fa; --link: #0b5cad; }
@media (prefers-color-scheme: dark) {
  :root { --page: #15191e; --ink: #e6e9ed; --rule: #333c46; --code: #1d232a; --link: #8cc4ff; }
}
body { background: var(--page); color: var(--ink); font: 16px/1.55 system-ui, Helvetica, Arial, sans-serif;
  margin: 0 auto; max-width: 1360px; padding: 0 20px 60px; }
a { color: var(--link); }
h2 { border-top: 2px solid var(--rule); margin: 48px 0 8px; padding-top: 24px; }
.row { border-top: 1px solid var(--rule); display: grid; gap: 24px; padding: 14px 0;
  grid-template-columns: minmax(0, 3fr) minmax(0, 2fr); }
.row p { margin: 0 0 8px; }
.highlight { background: var(--code); border-radius: 6px; overflow-x: auto; padding: 10px 14px; }
.highlight pre { font-size: 13px; line-height: 1.5; margin: 0; }
svg { height: auto; max-width: 100%; }
.drawing { overflow-x: auto; padding: 8px 0 16px; }
@media (max-width: 800px) { .row { grid-template-columns: minmax(0, 1fr); } .drawing svg { min-width: 720px; } }
"""


def page() -> str:
    """The page as HTML, without a request to any other address."""
    light, dark = (token_colours(style) for style in ("default", "github-dark"))
    body = "".join(section(topic, module, drawing) for topic, module, drawing in PARTS)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>SegNeXt on one page</title><style>{STYLE}{light}\n"
        f"@media (prefers-color-scheme: dark) {{ {dark} }}</style></head><body>\n"
        "<h1>SegNeXt on one page</h1>\n<p>The whole model, in the order in which it is built: "
        '<a href="https://arxiv.org/abs/2209.08575">Guo et al., NeurIPS 2022</a>. At the left the source of the '
        "package as it runs, at the right what it does. Shapes stand in the comments: B images, C channels, H × W "
        "pixels; D channels, N pixels and R bases in the Hamburger; K classes.</p>\n"
        f"{body}</body></html>\n"
    )


def token_colours(style: str) -> str:
    """Pygments' colours for the parts of Python code, as CSS."""
    rules = HtmlFormatter(style=style).get_style_defs(".highlight").splitlines()
    return "\n".join(rule for rule in rules if rule.startswith(".highlight ."))


def section(topic: str, module: ModuleType, drawing: Drawing | None) -> str:
    """One module: its heading, its drawing, and a row for each part of its source."""
    notebook = next(one for one in SERIES if one.topic == topic)
    rows = "".join(
        f'<div class="row" id="{escape(name)}"><div>{highlight(code, PythonLexer(), HtmlFormatter())}</div>'
        f"<div>{prose(text)}</div></div>\n"
        for name, code, text in chunks(module)
    )
    picture = f'<div class="drawing">{drawing.svg}</div>' if drawing else ""
    return (
        f"<h2>{escape(notebook.title[0].upper() + notebook.title[1:])}</h2>\n{prose(inspect.getdoc(module) or '')}"
        f'<p>Built step by step in <a href="{notebook.file}">notebook {notebook.number}</a>.</p>\n{picture}\n{rows}'
    )


def chunks(module: ModuleType) -> Iterator[tuple[str, str, str]]:
    """The module's functions, methods and tables in order: name, source without docstrings, explanation."""
    source = inspect.getsource(module)
    lines = source.splitlines()
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef):
            methods = [inner for inner in node.body if isinstance(inner, ast.FunctionDef)]
            head = methods[0].end_lineno if methods and methods[0].name == "__init__" else None
            first = methods[1:] if head else methods
            end = head or (methods[0].lineno - 1 if methods else node.end_lineno)
            note = NOTES.get(f"{node.name}.__init__", "")
            yield (
                node.name,
                cut(lines, node, start(node), end or node.lineno),
                f"{ast.get_docstring(node) or ''}\n\n{note}",
            )
            for method in first:
                name = f"{node.name}.{method.name}"
                text = f"{ast.get_docstring(method) or ''}\n\n{NOTES.get(name, '')}"
                yield name, cut(lines, method, start(method), method.end_lineno or 0), text
        elif isinstance(node, ast.FunctionDef):
            yield node.name, cut(lines, node, start(node), node.end_lineno or 0), ast.get_docstring(node) or ""
        elif isinstance(node, ast.Assign):
            target = node.targets[0]
            yield getattr(target, "id", ""), "\n".join(lines[node.lineno - 1 : node.end_lineno]), ""


def start(node: ast.ClassDef | ast.FunctionDef) -> int:
    """The first line of a definition, its decorators included, from 1."""
    return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])


def cut(lines: list[str], node: ast.ClassDef | ast.FunctionDef, first: int, last: int) -> str:
    """Lines of the source, from 1, without the docstring of this definition."""
    gone: set[int] = set()
    if ast.get_docstring(node):
        gone = set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    kept = [lines[number - 1] for number in range(first, last + 1) if number not in gone]
    return re.sub(r"(?m)(^class .*:)\n\n", r"\1\n", "\n".join(kept)).strip("\n")


def prose(text: str) -> str:
    """A docstring as paragraphs; words in backticks become code."""
    parts = [escape(part.strip()) for part in re.split(r"\n\s*\n", text) if part.strip()]
    return re.sub("`([^`]+)`", r"<code>\1</code>", "".join(f"<p>{part}</p>" for part in parts))


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(prog="python -m tools.onepage", description=__doc__)
    parser.add_argument("--out", type=Path, default=PAGE)
    args = parser.parse_args()
    with appears_whole(args.out) as part:
        part.write_text(page(), encoding="utf-8")
    print(args.out)


if __name__ == "__main__":
    main()
