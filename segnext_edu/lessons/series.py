"""The one list of the series' notebooks; README's and the tour's tables are compared with it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Notebook:
    """One notebook of the series."""

    number: str  # two digits, as in its file's name
    title: str
    topic: str  # its file is number_topic.ipynb
    written: bool = True

    @property
    def file(self) -> str:
        return f"{self.number}_{self.topic}.ipynb"


SERIES = (
    Notebook("00", "tour", "tour"),
    Notebook("01", "scenes and labels", "scenes_and_labels"),
    Notebook("02", "measuring segmentation", "measuring_segmentation"),
    Notebook("03", "strip convolution", "strip_convolution"),
    Notebook("04", "MSCA attention", "msca_attention"),
    Notebook("05", "the MSCAN encoder", "mscan_encoder"),
    Notebook("06", "NMF and the Hamburger", "nmf_hamburger"),
    Notebook("07", "the SegNeXt model", "segnext_model"),
    Notebook("08", "training", "training"),
    Notebook("09", "the attention atlas", "attention_atlas"),
    Notebook("10", "the ablation lab", "ablation_lab", written=False),
    Notebook("11", "speed", "speed"),
)
