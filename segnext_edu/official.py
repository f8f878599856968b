"""The authors' published weights, fetched and turned into a checkpoint of this package.

The files are pickles under other names. They are checked and read as weights alone (`read_official`), and
what is kept is a safetensors file that `checkpoints.load`, `evaluate` and `predict` read like any other.
"""

from __future__ import annotations

import hashlib
import pickle
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from segnext_edu import checkpoints
from segnext_edu.data.download import fetch
from segnext_edu.data.palette import ADE20K_NAMES
from segnext_edu.files import InputError
from segnext_edu.model.segnext import VARIANTS, SegNeXt


def fetch_official(variant: str, url: str, out: str | Path, sha256: str | None = None) -> Path:
    """Download a published checkpoint of this size, convert it, and write it to `out` (.safetensors).

    The download gathers beside `out` and goes on where it was cut off; it is deleted once it is converted, and when it
    turns out not to be what it should.

    Args:
        url: http(s), of a .pth in the authors' layout or mmsegmentation 1.x's.
        sha256: what the download's SHA-256 must be (hex), where its publisher tells it.

    Raises InputError when `out` is there already, for what `fetch` and `read_official` refuse, for tensors that are
    missing, left over or misshapen, and for the weights of another size or of an encoder alone.
    """
    out = Path(out)
    if out.suffix != ".safetensors":
        raise InputError(f"{out}: the weights are stored as safetensors; give --out a name that ends in .safetensors")
    if out.exists():
        raise InputError(f"{out}: is here already; delete it, or choose another --out")
    download = fetch(url, out.with_name(f"{out.name}.pth"), sha256=sha256)
    try:
        content = read_official(download)
        weights = convert(content, variant)
        classes = published_classes(content["decode_head.conv_seg.bias"].numel())
        model = SegNeXt(variant, len(classes))
        model.load_state_dict(weights)
        with open(download, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        card = {"source": url, "sha256": digest, "torch": torch.__version__, "recipe": {"short_side": 512}}
        checkpoints.save(model, out, classes, card)
    except InputError as error:
        raise InputError(str(error).replace(str(download), url)) from error  # the file it names will be gone
    finally:
        download.unlink(missing_ok=True)
    return out


def convert(content: Mapping[str, Tensor], variant: str) -> dict[str, Tensor]:
    """A published state dict → ours, if it is a whole SegNeXt of this size. Raises InputError."""
    if not any(name.startswith("decode_head.") for name in content):
        raise InputError(
            "holds no decoder (no tensor is called decode_head.…): it may be an encoder trained on ImageNet. "
            "Expected the weights of the whole segmentation model"
        )
    weights = checkpoints.from_official(content)
    classes = weights["decoder.classify.bias"].numel()
    for other in VARIANTS:
        with torch.device("meta"):
            shapes = {name: tensor.shape for name, tensor in SegNeXt(other, classes).state_dict().items()}
        if shapes == {name: tensor.shape for name, tensor in weights.items()}:
            if other != variant:
                raise InputError(f"holds SegNeXt-{other}, not {variant}; ask for {other}, or for another file")
            break
    return weights


def published_classes(count: int) -> list[str]:
    """ADE20K's names for its 150 classes; for another number the file does not tell, and they are numbered."""
    return list(ADE20K_NAMES) if count == len(ADE20K_NAMES) else [f"class {index}" for index in range(1, count + 1)]


def read_official(path: str | Path) -> dict[str, Tensor]:
    """Read the `state_dict` inside a published checkpoint (.pth), whatever else (optimizer, logs) lies beside it.

    Published checkpoints are pickles, and a pickle can run any program. So only tensors and plain containers are read
    (`weights_only=True`); a file that needs more is refused, and nothing in it has run.

    Raises InputError when the file is missing, broken, needs more than weights, or holds no state dict.
    """
    path = Path(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except pickle.UnpicklingError as error:
        needs = re.search(r"GLOBAL ([\w.]+)", str(error))
        raise InputError(
            f"{path}: holds more than weights ({needs[1] if needs else 'objects that are code'}), and reading that "
            "would run code from the file. Nothing was run. Ask its publisher for a file with the state_dict alone"
        ) from error
    except Exception as error:  # there is no end to what a damaged file makes PyTorch raise
        raise InputError(
            f"{path}: broken or not a PyTorch checkpoint ({checkpoints.first_line(error)}); download it again"
        ) from error
    state_dict = content.get("state_dict", content) if isinstance(content, dict) else content
    if not isinstance(state_dict, dict) or not all(isinstance(value, Tensor) for value in state_dict.values()):
        raise InputError(
            f"{path}: holds no state_dict; expected named tensors, or a dictionary with them under 'state_dict'"
        )
    return dict(state_dict)
