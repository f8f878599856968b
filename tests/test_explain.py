import torch

from segnext_edu import VARIANTS, SegNeXt
from segnext_edu.explain import attention_maps


def test_every_part_of_every_block_at_its_size():
    torch.manual_seed(0)
    model = SegNeXt("nano", 3).eval()
    images = torch.randn(2, 3, 64, 96)
    maps = attention_maps(model, images)
    nano = VARIANTS["nano"]
    expected = {
        (stage, block, part): (2, nano.channels[stage - 1], 64 // 2 ** (stage + 1), 96 // 2 ** (stage + 1))
        for stage in (1, 2, 3, 4)
        for block in range(nano.blocks[stage - 1])
        for part in ("gate", 5, 7, 11, 21)
    }
    assert {key: tuple(value.shape) for key, value in maps.items()} == expected


def test_the_branches_sum_and_mix_to_the_gate():
    torch.manual_seed(0)
    model = SegNeXt("nano", 3).eval()
    maps = attention_maps(model, torch.randn(1, 3, 64, 64))
    msca = model.encoder.stages[2].blocks[1].attention.msca  # pyright: ignore
    total = sum(maps[3, 1, part] for part in (5, 7, 11, 21))
    with torch.no_grad():
        torch.testing.assert_close(msca.mix(total), maps[3, 1, "gate"])


def test_looking_leaves_nothing_behind():
    torch.manual_seed(0)
    model, images = SegNeXt("nano", 3).eval(), torch.randn(1, 3, 64, 64)
    before = model(images)
    attention_maps(model, images)
    assert torch.equal(model(images), before)
    assert not any(module._forward_hooks for module in model.modules())
