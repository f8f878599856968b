import json
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from segnext_edu import SegNeXt
from segnext_edu.checkpoints import available, begin_with, card_short_side, from_official, load, save
from segnext_edu.files import InputError, repository_data
from segnext_edu.official import read_official
from tests.reference import official_weights


class TestReadOfficial:
    def test_baggage_is_left_aside(self, tmp_path: Path):
        weights = official_weights("tiny")
        optimizer = torch.optim.AdamW([torch.zeros(3, requires_grad=True)])
        content = {"meta": {"epoch": 3, "config": "…"}, "state_dict": weights, "optimizer": optimizer.state_dict()}
        torch.save(content, tmp_path / "published.pth")
        read = read_official(tmp_path / "published.pth")
        assert read.keys() == weights.keys()
        from_official(read)

    def test_a_bare_state_dict(self, tmp_path: Path):
        torch.save(official_weights("tiny"), tmp_path / "bare.pth")
        from_official(read_official(tmp_path / "bare.pth"))

    def test_a_malicious_pickle_does_not_run(self, tmp_path: Path):
        class Bomb:
            def __reduce__(self):
                return Path.touch, (tmp_path / "ran",)

        torch.save({"state_dict": {}, "meta": Bomb()}, tmp_path / "bad.pth")
        with pytest.raises(InputError, match="bad.pth: holds more than weights .* Nothing was run"):
            read_official(tmp_path / "bad.pth")
        (tmp_path / "raw.pth").write_bytes(pickle.dumps(Bomb()))
        with pytest.raises(InputError, match="raw.pth"):
            read_official(tmp_path / "raw.pth")
        assert not (tmp_path / "ran").exists()

    @pytest.mark.parametrize("keep", [0, 100, 0.5])
    def test_a_truncated_file(self, tmp_path: Path, keep):
        path = tmp_path / "cut.pth"
        torch.save({"state_dict": {"a": torch.zeros(1000)}}, path)
        content = path.read_bytes()
        path.write_bytes(content[: int(keep * len(content)) if isinstance(keep, float) else keep])
        with pytest.raises(InputError, match="cut.pth"):
            read_official(path)

    def test_no_file_and_no_state_dict(self, tmp_path: Path):
        with pytest.raises(InputError, match="no such file"):
            read_official(tmp_path / "none.pth")
        torch.save([1, 2, 3], tmp_path / "list.pth")
        with pytest.raises(InputError, match="no state_dict"):
            read_official(tmp_path / "list.pth")


class TestSaveAndLoad:
    def test_round_trip(self, tmp_path: Path):
        torch.manual_seed(0)
        model = SegNeXt("nano", 3).eval()
        save(model, tmp_path / "model.safetensors", ["sky", "tree", "road"], {"data": "mini", "steps": 5})
        again = load(tmp_path / "model.safetensors")
        assert (again.variant, again.classes, again.card["steps"]) == ("nano", ("sky", "tree", "road"), 5)
        assert not again.training
        images = torch.randn(1, 3, 64, 64)
        torch.testing.assert_close(again(images), model(images))
        assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]

    def test_half_precision_weights_load_as_float32(self, tmp_path: Path):
        save(SegNeXt("nano", 2).half(), tmp_path / "half.safetensors", ["a", "b"], {})
        assert {parameter.dtype for parameter in load(tmp_path / "half.safetensors").parameters()} == {torch.float32}

    def test_half_is_half_as_large_and_almost_the_same(self, tmp_path: Path):
        torch.manual_seed(0)
        model = SegNeXt("nano", 2).eval()
        for name, half in (("whole", False), ("half", True)):
            save(model, tmp_path / f"{name}.safetensors", ["a", "b"], {}, half)
        whole, half = ((tmp_path / f"{name}.safetensors").stat().st_size for name in ("whole", "half"))
        assert half == pytest.approx(whole / 2, rel=0.05)
        images = torch.randn(1, 3, 64, 64)
        again = load(tmp_path / "half.safetensors")
        torch.testing.assert_close(again(images), model(images), atol=1e-2, rtol=1e-2)

    def test_load_says_the_terms_and_nothing_else(self, tmp_path: Path, capsys):
        save(SegNeXt("nano", 2), tmp_path / "free.safetensors", ["a", "b"], {})
        save(SegNeXt("nano", 2), tmp_path / "bound.safetensors", ["a", "b"], {"terms": "Not for sale."})
        load(tmp_path / "free.safetensors")
        assert capsys.readouterr().out == ""
        load(tmp_path / "bound.safetensors")
        assert capsys.readouterr().out == "bound.safetensors: Not for sale.\n"

    def test_a_failed_save_leaves_the_old_file(self, tmp_path: Path, monkeypatch):
        path = tmp_path / "model.safetensors"
        save(SegNeXt("nano", 2), path, ["a", "b"], {})
        before = path.read_bytes()

        def full(part, content):
            with open(part, "wb") as file:
                file.write(content[:1000])
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(Path, "write_bytes", full)
        with pytest.raises(InputError, match="model.safetensors: could not be written .No space left"):
            save(SegNeXt("nano", 2), path, ["a", "b"], {})
        assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1

    def test_what_is_not_a_checkpoint_is_refused_in_words(self, tmp_path: Path):
        with pytest.raises(InputError, match="no such checkpoint"):
            load(tmp_path / "none.safetensors")
        (tmp_path / "text.safetensors").write_text("hello")
        save_file({"a": torch.zeros(3)}, tmp_path / "other.safetensors")
        save(SegNeXt("nano", 2), tmp_path / "short.safetensors", ["a", "b"], {})
        content = (tmp_path / "short.safetensors").read_bytes()
        (tmp_path / "short.safetensors").write_bytes(content[: len(content) // 2])
        save(SegNeXt("nano", 2), tmp_path / "liar.safetensors", ["a", "b", "c"], {})
        for name in ("text", "other", "short", "liar"):
            with pytest.raises(InputError, match=f"{name}.safetensors: not a checkpoint of this package"):
                load(tmp_path / f"{name}.safetensors")


def described_as(path: Path, **metadata: str) -> Path:
    """A checkpoint of nano for two classes whose metadata say something else."""
    torch.manual_seed(0)
    usual = {"variant": "nano", "classes": '["a", "b"]', "card": "{}"}
    save_file(SegNeXt("nano", 2).state_dict(), path, {**usual, **metadata})
    return path


class TestMetadata:
    def test_what_a_card_may_leave_out(self, tmp_path: Path):
        model = load(described_as(tmp_path / "model.safetensors"))
        assert model.classes == ("a", "b") and card_short_side(model.card) == 512

    @pytest.mark.parametrize(
        "classes",
        ["", "null", "3", "true", '"ab"', "{}", '{"a": 1, "b": 2}', "[]", "[1, 2]", '["a", null]', '["a", ["b"]]',
         '["a", ""]', '["a", "a"]', '["a"', '["a", "\\ud800"]', "[" * 100_000, "1" * 5000,
         json.dumps([str(index) for index in range(255)]), json.dumps(["a", "b", "c"])],
        ids=lambda text: text[:20],
    )  # fmt: skip
    def test_odd_classes_are_refused_in_words(self, tmp_path: Path, classes: str):
        with pytest.raises(InputError, match="model.safetensors: not a checkpoint of this package"):
            load(described_as(tmp_path / "model.safetensors", classes=classes))

    @pytest.mark.parametrize(
        "card",
        ["", "null", "[]", "3", '"text"', "{", "{" * 9, '{"recipe": null}', '{"recipe": []}', '{"recipe": "tiny"}',
         '{"score": 0.5}', '{"terms": 3}', '{"terms": ["a"]}', '{"terms": null}', '{"terms": "\\ud800"}',
         *(f'{{"recipe": {{"short_side": {side}}}}}'
           for side in ("1e9", "1000000000", "31", "4097", "-512", "0", "512.5", "NaN",
                        "Infinity", '"512"', "null", "true", "[]"))],
        ids=lambda text: text[:40],
    )  # fmt: skip
    def test_odd_cards_are_refused_in_words(self, tmp_path: Path, card: str):
        with pytest.raises(InputError, match="model.safetensors: not a checkpoint of this package"):
            load(described_as(tmp_path / "model.safetensors", card=card))

    @pytest.mark.parametrize("variant", ["", "giant", "Nano", "tiny"])
    def test_odd_variants_are_refused_in_words(self, tmp_path: Path, variant: str):
        with pytest.raises(InputError, match="model.safetensors: not a checkpoint of this package"):
            load(described_as(tmp_path / "model.safetensors", variant=variant))


class TestWeightsThatMeanNothing:
    @pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), 1e300])
    @pytest.mark.parametrize("name", ["encoder.stages.0.blocks.0.norm1.running_var", "decoder.classify.bias"])
    def test_nan_and_infinity_are_said(self, tmp_path: Path, name: str, value: float):
        weights = SegNeXt("nano", 2).state_dict()
        weights[name] = torch.full(weights[name].shape, value, dtype=torch.float64)
        save_file(weights, tmp_path / "bad.safetensors", {"variant": "nano", "classes": '["a", "b"]', "card": "{}"})
        with pytest.raises(InputError, match=f"bad.safetensors: {name} holds NaN or infinity, so that it cannot label"):
            load(tmp_path / "bad.safetensors")

    def test_weights_that_are_all_zero_are_said(self, tmp_path: Path):
        model = SegNeXt("nano", 2)
        for parameter in model.parameters():
            parameter.data.zero_()
        save(model, tmp_path / "zero.safetensors", "ab", {})
        with pytest.raises(InputError, match="zero.safetensors: the weights of its classifier are all 0"):
            load(tmp_path / "zero.safetensors")

    @pytest.mark.parametrize("dtype", [torch.complex64, torch.int32, torch.bool])
    def test_weights_that_are_no_floating_point_numbers_are_refused(self, tmp_path: Path, dtype: torch.dtype):
        weights = SegNeXt("nano", 2).state_dict()
        weights["decoder.classify.bias"] = torch.ones(2, dtype=dtype)
        save_file(weights, tmp_path / "odd.safetensors", {"variant": "nano", "classes": '["a", "b"]', "card": "{}"})
        with pytest.raises(InputError, match=f"decoder.classify.bias is of {dtype}"):
            load(tmp_path / "odd.safetensors")

    @pytest.mark.parametrize(("value", "half"), [(float("nan"), False), (float("inf"), True), (1e5, True)])
    def test_they_are_never_saved(self, tmp_path: Path, value: float, half: bool):
        """1e5 is a number in float32 and none in float16."""
        model, path = SegNeXt("nano", 2), tmp_path / "model.safetensors"
        save(model, path, "ab", {}, half)
        before = path.read_bytes()
        model.decoder.classify.weight.data[0] = value
        with pytest.raises(InputError, match="not written, because decoder.classify.weight holds NaN or infinity"):
            save(model, path, "ab", {}, half)
        assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("name", ["n" * 300, "deep/" * 2000 + "x", "null\0byte"], ids=["name", "path", "null byte"])
def test_a_name_that_no_file_can_have_is_no_checkpoint(name: str):
    with pytest.raises(InputError, match="no such checkpoint"):
        load(name)


class TestBeginWith:
    @pytest.mark.parametrize("classes", ["abc", "bcdea"], ids=["fewer", "as many, others"])
    def test_other_classes_keep_a_fresh_classifier(self, tmp_path: Path, classes):
        torch.manual_seed(0)
        start, model = SegNeXt("nano", 5), SegNeXt("nano", len(classes))
        save(start, tmp_path / "start.safetensors", "abcde", {"terms": "Not for sale."})
        fresh = model.decoder.classify.weight.clone()
        assert begin_with(model, tmp_path / "start.safetensors", classes) == {"terms": "Not for sale."}
        assert torch.equal(model.decoder.classify.weight, fresh)
        for name, tensor in start.state_dict().items():
            if not name.startswith("decoder.classify"):
                assert torch.equal(model.state_dict()[name], tensor), name

    def test_the_same_classes_keep_the_checkpoints_classifier(self, tmp_path: Path):
        start, model = SegNeXt("nano", 5), SegNeXt("nano", 5)
        save(start, tmp_path / "start.safetensors", "abcde", {})
        begin_with(model, tmp_path / "start.safetensors", "abcde")
        assert all(torch.equal(tensor, start.state_dict()[name]) for name, tensor in model.state_dict().items())

    def test_another_network_is_refused_and_left_as_it_was(self, tmp_path: Path):
        save(SegNeXt("nano", 2), tmp_path / "start.safetensors", "ab", {})
        model = SegNeXt("tiny", 2)
        before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        with pytest.raises(InputError, match="start.safetensors: a 'nano' cannot begin another network"):
            begin_with(model, tmp_path / "start.safetensors", "ab")
        assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_available_lists_what_ships():
    names = {path.stem for path in (repository_data() / "checkpoints").glob("*.safetensors")}
    assert names == set(available()) and {"nano_mini", "nano_street"} <= names
    for found in available().values():
        model = load(found.path)
        assert (model.variant, model.classes, model.card["score"]["miou"]) == (found.variant, found.classes, found.miou)
        assert model.card.get("terms", "Apache-2.0") == found.terms
    assert "non-commercial" in available()["nano_street"].terms


def test_names_and_terms_of_a_checkpoint_cannot_give_a_terminal_orders(tmp_path, capsys):
    path = tmp_path / "odd\x1b[2J.safetensors"
    save(SegNeXt("nano", 2), path, ["sky\x1b]0;owned\x07", "a\r\nb"], {"terms": "free\x9b2J\nfor all"})
    assert load(path).classes == (r"sky\x1b]0;owned\x07", r"a\r\nb")
    assert capsys.readouterr().out == "odd\\x1b[2J.safetensors: free\\x9b2J\\nfor all\n"
