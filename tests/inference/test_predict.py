import math
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageFile

from segnext_edu import SegNeXt
from segnext_edu.checkpoints import read
from segnext_edu.data import load_scenes
from segnext_edu.data.images import open_photo, prepare, to_tensor
from segnext_edu.files import InputError, repository_data
from segnext_edu.inference.evaluate import evaluate, report, scored_scenes
from segnext_edu.inference.overlay import overlay, roomiest_point
from segnext_edu.inference.predict import predict, views
from segnext_edu.inference.sliding_window import SlidingWindow
from segnext_edu.inference.tta import MULTI_SCALE, TTA
from segnext_edu.metrics import ConfusionMatrix


@pytest.fixture(scope="module")
def model() -> SegNeXt:
    torch.manual_seed(0)
    return SegNeXt("nano", 40).eval()


def photo(height, width, seed=0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


@pytest.mark.parametrize("size", [(100, 140), (33, 200), (300, 64)])
def test_prepare_resizes_the_short_side_and_rounds_up_to_32(size):
    x = prepare(to_tensor(photo(*size)), 64)
    factor = min(64 / min(size), 4 * 64 / max(size))
    assert x.shape == (1, 3, *(32 * math.ceil(round(side * factor) / 32) for side in size))


def test_prepare_normalises():
    grey = torch.full((3, 64, 64), 124, dtype=torch.uint8)  # 124 / 255 is ImageNet's mean red
    assert prepare(grey, 64)[0, 0].abs().max() < 0.01


@pytest.mark.parametrize("size", [(37, 61), (128, 96), (200, 65)])
def test_predict_labels_every_pixel_as_the_whole_logits_would(model, size):
    picture = to_tensor(photo(*size))
    with torch.no_grad():
        low = model.decode(model.encode(prepare(picture, 64)))
        whole = torch.nn.functional.interpolate(low, size, mode="bilinear", align_corners=False).argmax(1)[0]
    assert torch.equal(predict(model, picture, 64), whole)


def test_own_leaves_the_picture_at_its_own_size(model):
    picture = to_tensor(photo(70, 100))
    assert torch.equal(predict(model, picture, "own"), predict(model, picture, 70))


def test_one_view_at_scale_1_is_the_plain_prediction(model):
    picture = to_tensor(photo(60, 90))
    assert torch.equal(predict(model, picture, 64, TTA(scales=(1.0,), flip=False)), predict(model, picture, 64))


def test_every_view_counts_once_at_its_own_scale(model):
    sizes = [tuple(view.shape[2:]) for view in views(model, to_tensor(photo(64, 96)), 64, MULTI_SCALE)]
    sides = [(32, 64), (64, 96), (64, 96), (96, 128), (96, 160), (128, 192)]  # 32, 48, … 112 by 48, 72, … 168: up to 32
    assert sizes == [(height // 8, width // 8) for height, width in sides for _ in range(2)]


def test_with_mirrored_views_a_mirrored_picture_has_the_mirrored_answer(model):
    picture = to_tensor(photo(64, 96))
    tta = TTA(scales=(1.0, 1.5), flip=True)
    there, back = predict(model, picture, 64, tta), predict(model, picture.flip(-1), 64, tta).flip(-1)
    assert (there == back).float().mean() > 0.999
    assert (predict(model, picture, 64) != predict(model, picture.flip(-1), 64).flip(-1)).any()  # not so without


def test_a_window_larger_than_the_picture_is_the_whole(model):
    picture = to_tensor(photo(64, 90))
    assert torch.equal(predict(model, picture, 64, window=SlidingWindow(128, 32)), predict(model, picture, 64))


def test_windows_see_less_than_the_whole_but_agree_with_it_mostly():
    """On a drawn scene, by a model that knows such scenes."""
    model = read(repository_data() / "checkpoints" / "nano_mini.safetensors")
    ((picture, _),) = scored_scenes(load_scenes("mini", "val").select([0]), model.classes)
    whole, blended = (predict(model, picture, 320, window=window) for window in (None, SlidingWindow(256, 128)))
    assert blended.shape == whole.shape
    assert 0.9 < (blended == whole).float().mean() < 1


def test_photographs_are_turned_as_the_camera_says(tmp_path: Path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90°
    photo(20, 50).save(tmp_path / "turned.jpg", exif=exif)
    assert open_photo(tmp_path / "turned.jpg").size == (20, 50)


@pytest.mark.parametrize("content", [b"", b"hello", None])
def test_a_photo_that_cannot_be_read_is_refused_in_words(tmp_path: Path, content):
    path = tmp_path / "photo.jpg"
    if content is None:  # a JPEG that ends early
        photo(80, 80).save(path)
        content = path.read_bytes()[:2000]
    path.write_bytes(content)
    with pytest.raises(InputError, match="photo.jpg: not an image"):
        open_photo(path)
    with pytest.raises(InputError, match="no such photograph"):
        open_photo(tmp_path / "none.jpg")


def test_evaluate_counts_every_labelled_pixel_once(model):
    scenes = [(to_tensor(photo(40, 50, seed)), torch.full((40, 50), seed)) for seed in range(2)]
    scenes[0][1][:10] = 255
    matrix = evaluate(model, scenes, 64)
    assert matrix.counts.sum(1)[:2].tolist() == [30 * 50, 40 * 50]
    assert torch.equal(evaluate(model, scenes, 64, TTA()).counts, matrix.counts)
    assert not torch.equal(evaluate(model, scenes, 64, MULTI_SCALE).counts, matrix.counts)


class TestScoredScenes:
    def test_classes_are_matched_by_name(self):
        scenes = load_scenes("mini", "val").select([0])
        names = scenes.features["classes"].feature.names
        ((_, straight),) = scored_scenes(scenes, names)
        ((_, reversed_),) = scored_scenes(scenes, names[::-1])
        labelled = straight != 255
        assert torch.equal(labelled, reversed_ != 255)
        assert torch.equal(reversed_[labelled], len(names) - 1 - straight[labelled])

    def test_a_class_the_model_does_not_know_is_not_scored(self):
        scenes = load_scenes("mini", "val").select([0])
        names = scenes.features["classes"].feature.names
        gone = scenes[0]["classes"][0]
        ((_, labels),) = scored_scenes(scenes, [*names[:gone], "something else", *names[gone + 1 :]])
        assert (labels != gone).all() and (labels == 255).any()

    def test_nothing_in_common_is_refused_in_words(self):
        with pytest.raises(InputError, match="share no name"):
            next(iter(scored_scenes(load_scenes("mini", "val"), ["unicorn"])))


def test_report_lists_the_classes_that_occur():
    matrix = ConfusionMatrix(3)
    matrix.update(torch.tensor([0, 0, 1]), torch.tensor([0, 1, 1]))
    text = report(matrix, ["sky", "tree", "road"])
    assert "mIoU 0.5000" in text and "pixel accuracy 0.6667" in text
    assert "sky" in text and "tree" in text and "road" not in text


def test_the_roomiest_point_is_the_middle_of_the_largest_part():
    region = np.zeros((100, 120), dtype=bool)
    region[10:50, 20:60] = True  # the square's middle: 29.5, 39.5
    region[80:84] = True  # long, but thin
    y, x, radius = roomiest_point(region)
    assert abs(y - 30) <= 1 and abs(x - 40) <= 1 and abs(radius - 20) <= 1


def test_overlay_tints_outlines_and_names():
    labels = np.zeros((400, 600), dtype=np.int64)
    labels[:, 300:] = 1
    colours = np.array([[255, 0, 0], [0, 0, 255]], dtype=np.uint8)
    picture = overlay(photo(400, 600), labels, ["a", "b, other name"], colours)
    pixels = np.asarray(picture).astype(int)
    assert picture.size == (600, 400)
    assert (pixels[5:60, 5:100, 0] > pixels[5:60, 5:100, 2]).mean() > 0.9
    assert (pixels[5:60, 305:595, 2] > pixels[5:60, 305:595, 0]).mean() > 0.9
    assert (pixels[190:210, 135:165] == 255).all(-1).any()  # the name, in white, in the middle


def test_an_overlay_does_not_depend_on_the_bands_it_is_made_in(monkeypatch):
    labels = torch.randint(0, 3, (30, 40), generator=torch.Generator().manual_seed(0)).numpy().repeat(5, 0).repeat(5, 1)
    colours = np.array([[255, 0, 0], [0, 0, 255], [9, 80, 200]], dtype=np.uint8)
    whole, bands = [], []
    for height, found in ((1000, whole), (7, bands)):
        monkeypatch.setattr("segnext_edu.inference.overlay.BAND", height)
        found.append(np.asarray(overlay(photo(150, 200), labels, ["a", "b", "c"], colours)))
    assert np.array_equal(whole[0], bands[0])


@pytest.mark.parametrize("size", [(1, 4000), (40000, 1), (3, 900)])
def test_a_photograph_of_any_shape_takes_bounded_memory(model, size):
    picture = to_tensor(photo(*size))
    assert prepare(picture, 64).numel() <= 3 * (4 * 64) * 64
    assert predict(model, picture, 64).shape == size


def test_a_panorama_keeps_its_own_size(model):
    picture = to_tensor(photo(32, 320))
    assert torch.equal(predict(model, picture, "own"), predict(model, picture, 80))


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "photo.jpg")
    with pytest.raises(InputError, match=r"photo\.jpg: a folder, a pipe or a device"):
        open_photo(tmp_path / "photo.jpg")


@pytest.mark.parametrize("error", [SyntaxError, RuntimeError, NotImplementedError, IndexError])
def test_whatever_a_decoder_raises_names_the_file(tmp_path, monkeypatch, error):
    def broken(*_, **__):
        raise error("broken chunk")

    photo(8, 8).save(tmp_path / "photo.png")
    monkeypatch.setattr(ImageFile.ImageFile, "load", broken)
    with pytest.raises(InputError, match=r"photo\.png: not an image that can be read \(broken chunk\)"):
        open_photo(tmp_path / "photo.png")
