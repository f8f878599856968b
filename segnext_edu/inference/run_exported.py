"""Label a photograph with an exported model, without PyTorch and without this package.

    python run_exported.py model.onnx photo.jpg labels.png

Copy this one file to where the model goes; it needs NumPy, Pillow and ONNX Runtime. What comes out is a PNG of class
numbers, 1..K in the order of the names in the model's metadata, as in the masks that models are trained from.
"""

import json
import sys

import numpy as np
import onnxruntime
from PIL import Image, ImageOps


def main(model: str, photo: str, out: str) -> None:
    """Read the photograph, resize and normalise it as the model's metadata says, write the labels, print the shares."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    stored = session.get_modelmeta().custom_metadata_map
    about = {name: json.loads(stored[name]) for name in ("classes", "mean", "std", "short_side", "terms")}
    print(printable(about["terms"]))

    image = ImageOps.exif_transpose(Image.open(photo)).convert("RGB")
    factor = min(about["short_side"] / min(image.size), 4 * about["short_side"] / max(image.size))
    size = [32 * -(-max(1, round(side * factor)) // 32) for side in image.size]  # (w, h), rounded up to multiples of 32
    pixels = np.asarray(image.resize(size, Image.Resampling.BILINEAR), np.float32) / 255  # (h, w, 3)
    pixels = (pixels - np.float32(about["mean"])) / np.float32(about["std"])
    images = np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])  # (1, 3, h, w)

    logits = np.asarray(session.run(["logits"], {"images": images})[0])  # (1, K, h, w)
    labels = Image.fromarray(logits[0].argmax(0).astype(np.uint8) + 1)  # (h, w), 1..K
    labels = labels.resize(image.size, Image.Resampling.NEAREST)
    labels.save(out)

    shares = np.bincount(np.asarray(labels).ravel(), minlength=len(about["classes"]) + 1) / np.asarray(labels).size
    for label in np.argsort(-shares):
        if shares[label] >= 0.001:
            print(f"{shares[label]:6.1%}  {printable(about['classes'][label - 1])}")


def printable(words: str) -> str:
    """A file's words without what a terminal would obey, such as ESC."""
    return "".join(letter if letter.isprintable() else "?" for letter in words)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
