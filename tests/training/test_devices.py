"""Where and how precisely a run computes is what was asked for, and what its card says."""

import pytest
import torch

from segnext_edu.files import InputError
from segnext_edu.training.devices import accelerator_for, environment, in_bf16

CPU, GPU = torch.device("cpu"), torch.device("cuda")


@pytest.mark.parametrize(
    ("device", "asked", "bf16"),
    [(CPU, "auto", False), (GPU, "auto", True), (CPU, "bf16", True), (GPU, "float32", False)],
)
def test_precision(device, asked, bf16):
    assert in_bf16(device, asked) is bf16


def test_the_environment_says_where_it_was():
    said = environment(CPU, 2, True)
    assert said["precision"] == "bf16" and environment(CPU, 2, False)["precision"] == "float32"
    assert (said["torch"], said["threads"], said["processes"]) == (torch.__version__, torch.get_num_threads(), 2)


def test_other_names_are_refused():
    with pytest.raises(InputError, match="--device tpu: expected auto, cpu or cuda"):
        accelerator_for("tpu")
    with pytest.raises(InputError, match="--precision fp8: expected auto, float32, bf16"):
        in_bf16(CPU, "fp8")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_here():
    with pytest.raises(InputError, match="no GPU"):
        accelerator_for("cuda")
