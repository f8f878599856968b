"""Diagrams of the whole: the roadmap of the series, the network with its shapes, the training loop."""

from __future__ import annotations

from segnext_edu.lessons.diagrams.svg import Canvas, Drawing
from segnext_edu.lessons.series import SERIES
from segnext_edu.model.segnext import VARIANTS

ROADMAP = (  # row, heading, (topic, word)
    (0, "first look", (("tour", "tour"),)),
    (0, "data and scores", (("scenes", "scenes"), ("metrics", "metrics"))),
    (0, "the network, part by part", (("strip_conv", "strips"), ("msca", "MSCA"), ("mscan", "MSCAN"))),
    (1, "the decoder and the whole", (("hamburger", "Hamburger"), ("segnext", "SegNeXt"))),
    (1, "training", (("training", "loop"), ("ade20k", "ADE20K"))),
    (1, "what it learned", (("atlas", "atlas"), ("ablation", "ablations"))),
    (1, "speed", (("speed", "speed"),)),
)


def roadmap(topic: str) -> Drawing:
    """The thirteen notebooks in order, the one on `topic` lit. Raises ValueError for an unknown topic."""
    numbers = {notebook.topic: notebook.number for notebook in SERIES}
    if topic not in numbers:
        raise ValueError(f"no notebook is about {topic!r}; choose one of {', '.join(numbers)}")
    canvas = Canvas(752, 196)
    left = [4.0, 4.0]
    for row, heading, stations in ROADMAP:
        wide, y = 96 * len(stations) + 12, 4 + 98 * row
        canvas.box(left[row], y, wide, 88, "", "dim")
        canvas.words(left[row] + wide / 2, y + 16, heading, 12)
        for index, (name, word) in enumerate(stations):
            kind = "lit" if name == topic else "map"
            canvas.box(left[row] + 10 + 96 * index, y + 32, 88, 46, f"{numbers[name]}\n{word}", kind, 14)
        left[row] += wide + 8
    here = next(notebook for notebook in SERIES if notebook.topic == topic)
    return canvas.drawing(
        f"The thirteen notebooks of the series in order; this one, {here.number} {here.title}, is lit."
    )


def network(variant: str = "tiny", height: int = 512, width: int = 512, num_classes: int = 150) -> Drawing:
    """Encoder and decoder with the shapes that an image of height × width pixels has on its way (Fig. 3(c))."""
    size = VARIANTS[variant]
    sides = [(-(-height // stride), -(-width // stride)) for stride in (4, 8, 16, 32)]  # rounded up
    canvas = Canvas(820, 330)
    canvas.maps(10, 66, 92, 92, "norm", sheets=1)
    canvas.box(2, 170, 118, 40, f"image\n3 × {height} × {width}", "dim", 12)
    x, centres = 140.0, []
    for index, (channels, (h, w)) in enumerate(zip(size.channels, sides)):
        edge = 84 * 0.72**index
        canvas.arrow((x - 34, 112), (x - 4, 112))
        canvas.maps(x, 112 - edge / 2, edge, edge)
        canvas.words(x + edge / 2, 112, f"{index + 1}", 14)
        canvas.box(x - 14, 170, 112, 40, f"stage {index + 1}\n{channels} × {h} × {w}", "map", 12)
        centres.append(x + 42)
        x += 120
    canvas.box(centres[0] - 52, 8, 464, 30, "encoder (MSCAN): stem, then four stages of blocks", "dim", 13)
    h, w = sides[1]
    y = 268
    for centre in centres[1:]:
        canvas.arrow((centre, 210), (centre, y - 24))
    canvas.box(centres[1] - 52, y - 22, 344, 44, f"resize to {h} × {w}, concatenate, 1 × 1", "pointwise", 13)
    canvas.arrow((centres[3] + 52, y), (centres[3] + 86, y))
    canvas.box(centres[3] + 88, y - 22, 96, 44, f"Hamburger\nR = {size.rank}", "context", 13)
    canvas.arrow((centres[3] + 136, y - 22), (centres[3] + 136, 214))
    canvas.box(centres[3] + 72, 170, 128, 42, f"logits\n{num_classes} × {h} × {w}", "map", 12)
    canvas.arrow((centres[3] + 136, 170), (centres[3] + 136, 136))
    canvas.box(centres[3] + 72, 92, 128, 42, f"resize\n{num_classes} × {height} × {width}", "norm", 12)
    canvas.box(20, y - 22, 200, 44, "decoder (LightHam):\nstages 2 to 4", "dim", 13)
    return canvas.drawing(
        f"SegNeXt-{variant}: an image of 3 by {height} by {width} passes four stages with {size.channels} channels at "
        "strides 4, 8, 16 and 32. Stages 2 to 4 are resized, concatenated, given global context by the Hamburger, "
        "classified at stride 8 and resized."
    )


def training_loop() -> Drawing:
    """One step of training, and what it hands to the next."""
    canvas = Canvas(800, 190)
    steps = (
        ("batch\nimages, masks", "map"),
        ("augment\nscale, crop, flip", "norm"),
        ("model\nlogits", "context"),
        ("loss\ncross-entropy", "pointwise"),
        ("backward\ngradients", "depthwise"),
        ("AdamW step\nlr by schedule", "strip"),
    )
    for index, (text, kind) in enumerate(steps):
        canvas.box(8 + 132 * index, 40, 120, 52, text, kind, 13)
        if index:
            canvas.arrow((128 + 132 * (index - 1), 66), (138 + 132 * (index - 1), 66))
    canvas.arrow((728, 92), (728, 150), (332, 150), (332, 94))
    canvas.box(430, 134, 200, 32, "the next step, new weights", "dim", 13)
    return canvas.drawing(
        "One training step from left to right: a batch, augmentation, the model's logits, the loss, gradients, an "
        "AdamW step with the scheduled learning rate; an arrow leads from the new weights back to the model."
    )
