"""Everything that computes on a GPU: on a simulated one everywhere, and on a real one with `pytest -m gpu`.

The simulated one computes as the CPU does, so its answers are the CPU's.
"""

from __future__ import annotations

import functools
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import torchgen
from PIL import Image
from torch import Tensor
from torchgen.yaml_utils import YamlLoader

from segnext_edu.checkpoints import read
from segnext_edu.data import load_scenes
from segnext_edu.data.images import prepare, to_tensor
from segnext_edu.explain.gradients import grad_cam, receptive_field
from segnext_edu.explain.record import attention_maps, record, segments
from segnext_edu.inference.evaluate import evaluate
from segnext_edu.inference.optimize import optimize
from segnext_edu.inference.predict import predict
from segnext_edu.inference.sliding_window import SlidingWindow
from segnext_edu.inference.tta import MULTI_SCALE
from segnext_edu.lessons.figures.atlas import USES, explorer
from segnext_edu.metrics import ConfusionMatrix
from segnext_edu.model.segnext import SegNeXt
from segnext_edu.training.recipe import default_recipe
from segnext_edu.training.trainer import Run
from tests.conftest import GPU_TABLE
from tests.simulated_gpu import CUDA, GPU, MPS, Lacking, Mixed, OnGPU, SimulatedGPU, on_a_gpu

ROOT = Path(__file__).parents[1]


@pytest.fixture(params=["CUDA", "MPS", pytest.param("a real one", marks=pytest.mark.gpu)])
def gpu(request: pytest.FixtureRequest) -> Iterator[torch.device]:
    if request.param == "a real one":
        if not torch.cuda.is_available():
            pytest.skip("no GPU here")
        yield torch.device("cuda")
    else:
        with on_a_gpu(CUDA if request.param == "CUDA" else MPS) as device:
            yield device


@pytest.fixture
def row(request: pytest.FixtureRequest) -> Callable[..., None]:
    """row(what, how fast, how much memory) adds to the table that conftest prints at the end."""
    return lambda *columns: request.config.stash[GPU_TABLE].append(columns)


@functools.cache
def scene() -> Image.Image:
    return load_scenes("mini", "val")[59]["image"]


def same(there: Any, here: Tensor) -> bool:
    """Up to the order of sums on a simulated GPU, up to its rounding on a real one (TF32, in convolutions)."""
    there = there.detach()
    part = 1e-6 if isinstance(there, OnGPU) else 1e-2
    there, here = there.cpu(), here.detach()
    if not here.is_floating_point():
        return (there == here).float().mean().item() >= 1 - part
    return bool((there - here).abs().max() <= part * here.abs().max())


class TestTheSimulation:
    def test_it_holds_numbers_and_lies_elsewhere(self) -> None:
        with SimulatedGPU():
            x = torch.arange(6.0).view(2, 3).to(GPU)
            assert x.device == GPU and x.cpu().device.type == "cpu" and (x + 1).sum().item() == 21
            x[0].add_(torch.ones(3, device=GPU))  # through a view
            assert x.tolist() == [[1, 2, 3], [3, 4, 5]]
            with pytest.raises((TypeError, RuntimeError)):  # the second for a subclass
                x.numpy()

    @pytest.mark.parametrize(
        "wrong",
        [
            lambda x: x + torch.ones(3),
            lambda x: torch.cat([x, torch.ones(3)]),
            lambda x: torch.ones(3)[x.long()],
            lambda x: torch.zeros(3).add_(x),
            lambda x: torch.equal(x, torch.ones(3)),
            lambda x: torch.randperm(3, generator=torch.Generator(), device=x.device),
        ],
    )
    def test_both_places_do_not_mix(self, wrong: Callable[[Tensor], object]) -> None:
        with SimulatedGPU(), pytest.raises(Mixed):
            wrong(torch.ones(3, device=GPU))

    def test_what_a_gpu_allows_is_allowed(self) -> None:
        with SimulatedGPU():
            x = torch.arange(3.0, device=GPU)
            assert (x * torch.tensor(2.0)).tolist() == [0, 2, 4]  # a number
            assert x[torch.tensor([2, 0])].tolist() == [2, 0]  # indices of the CPU
            assert torch.zeros(3).copy_(x).tolist() == [0, 1, 2]
            x[0] = 5.0
            assert x.new_tensor([1.0]).device == GPU and x.tolist() == [5, 1, 2]

    def test_a_type_that_cuda_lacks_is_refused(self) -> None:
        """A CPU shrinks bytes with antialiasing, a GPU does not: notebook 08 stopped there."""
        image, size = torch.zeros(1, 3, 64, 64, dtype=torch.uint8), (32, 32)
        shrink = functools.partial(torch.nn.functional.interpolate, size=size, mode="bilinear", antialias=True)
        with SimulatedGPU():
            shrink(image)
            shrink(image.to(GPU).float())
            with pytest.raises(Lacking, match="_upsample_bilinear2d_aa does not take torch.uint8"):
                shrink(image.to(GPU))
        with SimulatedGPU(MPS), pytest.raises(Lacking, match="float64"):
            torch.ones(3, device=GPU).double()


class TestOnAGPU:
    @pytest.mark.parametrize("fast", [False, True], ids=["as it is", "optimised"])
    @pytest.mark.parametrize(
        "how", [{}, {"tta": MULTI_SCALE}, {"window": SlidingWindow(64, 32)}], ids=["plain", "TTA", "sliding window"]
    )
    def test_a_prediction(self, gpu: torch.device, how: dict[str, Any], fast: bool) -> None:
        model, image = read("nano_mini"), to_tensor(scene())
        made = optimize if fast else lambda model: model
        here = predict(made(model), image, 64, **how)
        there = predict(made(model.to(gpu)), image, 64, **how)
        assert there.device.type == gpu.type and same(there, here)

    def test_a_score(self, gpu: torch.device) -> None:
        pairs = [(to_tensor(row["image"]), torch.zeros(240, 320, dtype=torch.long)) for row in [{"image": scene()}]]
        model = read("nano_mini")
        height, width = scene().size[::-1]
        pairs = [(image, torch.arange(width).expand(height, -1) % 23) for image, _ in pairs]
        here = evaluate(model, pairs, 64)
        there = evaluate(model.to(gpu), pairs, 64)
        assert isinstance(there, ConfusionMatrix)
        assert there.miou() == pytest.approx(here.miou(), abs=1e-3)
        assert there.pixel_accuracy() == pytest.approx(here.pixel_accuracy(), abs=1e-3)

    @pytest.mark.slow
    def test_training_and_its_log(self, gpu: torch.device, tmp_path: Path) -> None:
        """Six steps, a score, a stop, and six more: the same losses as on a CPU."""
        settings = {"batch": 4, "crop": 64, "short_side": 64, "max_grad_norm": 1.0}
        recipe = default_recipe("mini", "nano", steps=6, **settings)

        def losses(folder: str, device: str, resume: bool = False) -> Iterator[float]:
            run = Run(recipe, tmp_path / folder, resume, save_every=3, device=device, precision="float32")
            for line in run:
                yield line["loss"]
            run.close()

        here = list(losses("here", "cpu"))
        broken_off = losses("there", "auto")
        there = [next(broken_off) for _ in range(4)]
        broken_off.close()
        there[3:] = losses("there", "auto", resume=True)
        assert there == pytest.approx(here, rel=1e-5 if gpu == GPU else 1e-2)  # AdamW's sums
        assert read(tmp_path / "there" / "last.safetensors").card["score"]["step"] == 6

    def test_attention_maps_and_gradients(self, gpu: torch.device) -> None:
        model, images = read("nano_mini"), prepare(to_tensor(scene()), 64)

        def asked(model: Any, images: Tensor) -> list[Tensor]:
            recording = record(model, images)
            return [
                *attention_maps(model, images).values(),
                segments(recording),
                receptive_field(model, images, 3, 2, 2),
                receptive_field(model, images, 2, 1, 1, channel=3),
                grad_cam(model, images, label=0),
            ]

        here = asked(model, images)
        there = asked(model.to(gpu), images.to(gpu))
        assert all(same(a, b) for a, b in zip(there, here, strict=True))

    def test_the_atlas_stays_on_the_cpu(self, gpu: torch.device) -> None:
        """Every view of notebook 10's figure, on a machine with a GPU: one photograph at a time needs none."""
        figure = explorer("nano_mini", {"scene": scene().resize((96, 64))})
        for view in USES:
            figure.controls["view"].value = view
            assert bytes(figure.image.value).startswith(b"\x89PNG")


@pytest.mark.slow
def test_every_operation_has_a_kernel_on_both_kinds_of_gpu(tmp_path: Path) -> None:
    """PyTorch's own table says which it has; what has none on MPS would need PYTORCH_ENABLE_MPS_FALLBACK."""
    table = Path(torchgen.__file__).parent / "packaged" / "ATen" / "native" / "native_functions.yaml"
    rows = {row["func"].partition("(")[0]: row for row in YamlLoader(table.read_text()).get_single_data()}
    with on_a_gpu() as device:
        mode = torch.utils._python_dispatch._get_current_dispatch_mode()  # pyright: ignore[reportPrivateUsage]
        assert isinstance(mode, SimulatedGPU)
        model, image = read("nano_mini").to(device), to_tensor(scene())
        for made in (model, optimize(model)):
            predict(made, image, 64, MULTI_SCALE)
        for _ in Run(default_recipe("mini", "nano", steps=1, batch=2, crop=64, short_side=64), tmp_path):
            pass

    def kernels(name: str) -> set[str]:
        row = rows[name.removeprefix("aten::").removesuffix(".default")]
        row = rows[row["structured_delegate"]] if "structured_delegate" in row else row
        made = {"CPU", "CUDA"} if "ufunc_inner_loop" in row else set()  # generated for these two
        listed = {key.strip() for keys in row.get("dispatch", {"CompositeImplicit": ""}) for key in keys.split(",")}
        return made | ({"CUDA", "MPS"} if any(key.startswith("Composite") for key in listed) else listed)

    missing = {name: {"CUDA", "MPS"} - kernels(name) for name in mode.used if name.startswith("aten::")}
    assert len(missing) > 80
    assert not {name: places for name, places in missing.items() if places}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["02_measuring_segmentation", "08_training"])
def test_a_notebook_on_a_machine_with_a_gpu(name: str) -> None:
    """All its cells: those that say `device` compute there, and none mixes both places."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.notebook_on_a_gpu", f"notebooks/{name}.ipynb"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
class TestARealOne:
    """What only a real GPU can tell. The rows are printed as a table at the end."""

    @pytest.mark.parametrize("variant", ["nano", "tiny", "base"])
    def test_speed_and_memory_of_training(self, variant: str, tmp_path: Path, row: Callable[..., None]) -> None:
        torch.cuda.reset_peak_memory_stats()
        recipe = default_recipe("mini", variant, steps=30, batch=16, crop=512, short_side=512, lr=6e-5)
        lines = list(Run(recipe, tmp_path, save_every=30, device="cuda"))
        assert all(torch.isfinite(torch.tensor(line["loss"])) for line in lines)
        speed = 16 / torch.tensor([line["seconds"] for line in lines[10:]]).median().item()
        gib = torch.cuda.max_memory_allocated() / 2**30
        row(f"train {variant}, batch 16 at 512 × 512, bf16", f"{speed:.1f} images/s", f"{gib:.1f} GiB")

    @pytest.mark.parametrize("variant", ["nano", "tiny", "base"])
    def test_speed_of_predictions(self, variant: str, row: Callable[..., None]) -> None:
        images = torch.randn(16, 3, 512, 512, device="cuda").to(memory_format=torch.channels_last)
        for name, made in (("as it is", lambda model: model), ("optimised", optimize)):
            model = made(SegNeXt(variant).eval().cuda().to(memory_format=torch.channels_last))
            with torch.inference_mode():
                for count in (5, 20):  # the first for warming up
                    torch.cuda.synchronize()
                    began = time.perf_counter()
                    for _ in range(count):
                        model(images)
                    torch.cuda.synchronize()
            speed = 16 * 20 / (time.perf_counter() - began)
            row(f"predict {variant}, {name}, batch 16 at 512 × 512, float32", f"{speed:.0f} images/s", "")

    @pytest.mark.parametrize("name", ["02_measuring_segmentation", "08_training"])
    def test_a_notebook(self, name: str, tmp_path: Path, row: Callable[..., None]) -> None:
        path, began = ROOT / "notebooks" / f"{name}.ipynb", time.perf_counter()
        command = [sys.executable, "-m", "jupyter", "nbconvert", "--execute", "--to", "html", "--output-dir"]
        done = subprocess.run([*command, str(tmp_path), str(path)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-2000:]
        row(f"notebook {name}", f"{time.perf_counter() - began:.0f} s", "")


def test_every_notebook_that_says_device_is_run_so() -> None:
    names = {path.stem for path in (ROOT / "notebooks").glob("*.ipynb") if "best_device()" in path.read_text("utf-8")}
    assert names == {"02_measuring_segmentation", "08_training"}
