import pytest
import torch

from segnext_edu import SegNeXt
from segnext_edu.files import InputError
from segnext_edu.official_names import from_official, official_name
from tests.reference import SIZES, official_shapes, official_weights


class TestFromOfficial:
    @pytest.mark.parametrize("layout", ["official", "mmseg"])
    @pytest.mark.parametrize("variant", SIZES)
    def test_every_tensor_finds_its_place(self, variant, layout):
        weights = official_weights(variant, layout)
        ours = from_official(weights)
        SegNeXt(variant).load_state_dict(ours)
        assert len(ours) == len(weights)
        assert {tensor.data_ptr() for tensor in ours.values()} == {tensor.data_ptr() for tensor in weights.values()}

    def test_names_are_the_authors(self):
        assert {official_name(name) for name in SegNeXt("base").state_dict()} == set(official_shapes("base"))

    def test_another_number_of_classes(self):
        weights = official_weights("tiny")
        weights["decode_head.conv_seg.weight"] = torch.zeros(19, 256, 1, 1)
        weights["decode_head.conv_seg.bias"] = torch.zeros(19)
        SegNeXt("tiny", 19).load_state_dict(from_official(weights))

    @pytest.mark.parametrize("layout", ["official", "mmseg"])
    @pytest.mark.parametrize(
        "name",
        ["decode_head.align.conv.weight", "backbone.block3.4.layer_scale_2", "backbone.patch_embed1.proj.0.bias",
         "decode_head.conv_seg.bias", "backbone.norm2.weight"],
    )  # fmt: skip
    def test_a_missing_tensor_is_named(self, name, layout):
        weights = official_weights("tiny", layout)
        del weights[name]
        with pytest.raises(InputError, match=f"missing {name}"):
            from_official(weights)

    @pytest.mark.parametrize("name", ["decode_head.extra.weight", "backbone.block1.7.norm1.weight", "optimizer", "x.y"])
    def test_an_extra_tensor_is_named(self, name):
        with pytest.raises(InputError, match=f"unknown {name}"):
            from_official({**official_weights("tiny"), name: torch.zeros(3)})

    def test_a_misshapen_tensor_is_named_with_both_shapes(self):
        weights = official_weights("tiny")
        weights["backbone.block2.0.mlp.fc1.weight"] = torch.zeros(
            256, 64, 1, 1
        )  # mlp_ratio 4: the walkthroughs' mistake
        with pytest.raises(
            InputError, match=r"block2.0.mlp.fc1.weight has shape \(256, 64, 1, 1\), expected \(512, 64"
        ):
            from_official(weights)

    def test_something_else_altogether(self):
        with pytest.raises(InputError, match="missing .* and .* more"):
            from_official({"fc.weight": torch.zeros(3, 3)})
