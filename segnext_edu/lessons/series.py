"""The one list of the notebooks: README's and the tour's tables, problem sets, plans and guards are made from it.

Everything else goes by a notebook's topic: `checks/msca.py`, `figures/msca.py`. The number stands here alone.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Notebook:
    """One notebook of the series; its file is number_name.ipynb, and its place in the list is its number."""

    topic: str  # what its modules are called
    name: str
    title: str
    builds: str  # what its reader builds …
    finds_out: str  # … and finds out
    problem_set: str = ""  # the graded set that it belongs to
    lesson: str = ""  # the taught lesson that it belongs to
    written: bool = True
    rewritten: bool = False  # short enough to finish: the budgets of `tests/notebook_guards.py` count

    @property
    def number(self) -> str:
        """Its two digits."""
        return f"{SERIES.index(self):02}"

    @property
    def file(self) -> str:
        """Its file's name."""
        return f"{self.number}_{self.name}.ipynb"


A_NAME = "A name for every pixel"
A_GATE = "A gate, and blocks of it"
THE_WHOLE = "The whole picture at once, and the whole model"
LEARNS = "How it learns, and where it looks"

SERIES = (
    Notebook("tour", "tour", "tour", "nothing yet", "what the rest is about", lesson=A_NAME, rewritten=True),
    Notebook(
        "scenes",
        "scenes_and_labels",
        "scenes and labels",
        "the data: scenes, masks, joint augmentation",
        "what goes wrong when image and mask part ways",
        "ps1",
        A_NAME,
        rewritten=True,
    ),
    Notebook(
        "metrics",
        "measuring_segmentation",
        "measuring segmentation",
        "the confusion matrix, IoU, mIoU",
        "why accuracy flatters",
        "ps1",
        "What is a good answer?",
        rewritten=True,
    ),
    Notebook(
        "strip_conv",
        "strip_convolution",
        "strip convolution",
        "the 1 × k and k × 1 pair",
        "what two thin kernels can do, and what they cannot",
        "ps1",
        "Far for little",
        rewritten=True,
    ),
    Notebook(
        "msca",
        "msca_attention",
        "MSCA attention",
        "the branches, the gate, the product",
        "what a product can do, and which branches a network needs",
        "ps2",
        A_GATE,
        rewritten=True,
    ),
    Notebook(
        "mscan",
        "mscan_encoder",
        "the MSCAN encoder",
        "stem, block, stages, the four sizes",
        "how far a pixel really sees",
        "ps2",
        A_GATE,
    ),
    Notebook(
        "hamburger",
        "nmf_hamburger",
        "NMF and the Hamburger",
        "matrix factorisation by multiplicative updates",
        "how sixteen bases explain a picture",
        "ps3",
        THE_WHOLE,
    ),
    Notebook(
        "segnext",
        "segnext_model",
        "the SegNeXt model",
        "the decoder and the whole model",
        "that it is the paper's, to the last parameter",
        "ps3",
        THE_WHOLE,
    ),
    Notebook(
        "training",
        "training",
        "training",
        "the loss, the schedule, the loop",
        "how a network learns, and how loops go wrong",
        "ps4",
        LEARNS,
    ),
    Notebook(
        "ade20k", "ade20k_on_a_gpu", "ADE20K on a GPU", "a trained SegNeXt", "what pretraining is worth", written=False
    ),
    Notebook(
        "atlas",
        "attention_atlas",
        "the attention atlas",
        "Grad-CAM, and the tests that a map must pass",
        "which maps say more than random weights do",
        "ps4",
        LEARNS,
    ),
    Notebook(
        "ablation", "ablation_lab", "the ablation lab", "a paired test", "which parts earn their keep", written=False
    ),
    Notebook(
        "speed",
        "speed",
        "speed",
        "folding, bands, the whole `optimize`",
        "why fewer multiplications can take longer",
    ),
)
WRITTEN = tuple(notebook for notebook in SERIES if notebook.written)


def table(folder: str = "") -> str:
    """The notebooks as a Markdown table, with links to their files in a folder; the unwritten ones in a line below."""
    rows = [f"| [{n.number} {n.title}]({folder}{n.file}) | {n.builds} | {n.finds_out} |" for n in WRITTEN]
    missing = ", ".join(f"{n.number} {n.title}" for n in SERIES if not n.written)
    lines = ["| notebook | you build | and find out |", "| --- | --- | --- |", *rows]
    return "\n".join(lines + (["", f"Still being written: {missing}."] if missing else []))
