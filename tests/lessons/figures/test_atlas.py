"""Notebook 10's figure: what its views say, what its picker, upload and save button do, and how much it keeps."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ipywidgets import Widget
from PIL import Image

from segnext_edu import SegNeXt
from segnext_edu.explain.atlas.sheet import coarse
from segnext_edu.explain.record import base_of, cell_of, similarity
from segnext_edu.explain.sanity.baselines import randomise
from segnext_edu.lessons.figures import atlas as figures
from segnext_edu.lessons.figures import atlas_panels, atlas_views
from segnext_edu.lessons.figures.atlas import USES, Atlas, draw
from segnext_edu.lessons.figures.library import UPLOADS, Library
from tools.bench import figures as bench

CLASSES = ("wall", "sky", "tree, plant", "car", "road")


def photo(seed: int = 0, size: tuple[int, int] = (96, 64)) -> Image.Image:
    """Noise on two areas of different colour."""
    pixels = np.random.default_rng(seed).integers(0, 90, (size[1], size[0], 3), np.uint8)
    pixels[:, : size[0] // 2] += np.uint8(120)
    return Image.fromarray(pixels)


@pytest.fixture(scope="module")
def models() -> tuple[SegNeXt, SegNeXt]:
    torch.manual_seed(3)
    trained = SegNeXt("nano", len(CLASSES)).eval()
    torch.nn.init.normal_(trained.decoder.classify.weight)
    assert trained.decoder.classify.bias is not None
    torch.nn.init.constant_(trained.decoder.classify.bias[CLASSES.index("car")], -1e6)  # never seen
    pair = trained, randomise(trained)
    for model in pair:
        model.classes, model.card = CLASSES, {"recipe": {"short_side": 64}}
    return pair


@pytest.fixture(scope="module")
def library(models: tuple[SegNeXt, SegNeXt]) -> Library:
    return Library(models, {"first": photo(1), "second": photo(2)})


@pytest.fixture
def atlas(models: tuple[SegNeXt, SegNeXt]) -> Iterator[Atlas]:
    library = Library(models, {"first": photo(1), "second": photo(2)})
    atlas = Atlas(library, library.scene("first").trained.layers, list(CLASSES), "attention")
    yield atlas
    atlas.close()


VALUES: dict[str, Any] = {
    "layer": (2, 1), "part": "gate", "part_a": "gate", "layer_b": (4, 0), "part_b": 21, "reading": "strength",
    "channel": 3, "base": 1, "stage": 3, "label": 1, "opacity": 0.8,
}  # fmt: skip


def panels(sheet: atlas_panels.Sheet, scene: atlas_panels.Scene) -> list[np.ndarray]:
    """The three pictures of a sheet, without their crosses' middle: (h, w, 3) each."""
    tall, wide = scene.small.shape[:2]
    side = (atlas_panels.BOX[0] - wide) // 2
    return [sheet.canvas[atlas_panels.TOP :][:tall, left + side :][:, :wide] for left in atlas_panels.LEFTS]


@pytest.mark.parametrize("view", USES)
def test_the_same_values_draw_the_same_sheet(library: Library, view: str) -> None:
    first, second = (draw(library, view, "first", 40, 30, **VALUES) for _ in range(2))
    assert np.array_equal(first.canvas, second.canvas) and first.texts == second.texts and first.alt == second.alt
    assert first.picture().tobytes() == second.picture().tobytes()
    assert "first" in first.alt and "40 % down" in first.alt


@pytest.mark.parametrize("view", [view for view in USES if "opacity" in USES[view]])
def test_at_opacity_0_all_panels_show_the_photograph(library: Library, view: str) -> None:
    for opacity, alike in ((0.0, True), (0.5, False)):
        sheet = draw(library, view, "first", 40, 30, **{**VALUES, "opacity": opacity})
        left, *others = panels(sheet, library.scene("first"))
        assert [np.array_equal(left, other) for other in others] == [alike, alike]
    scene = library.scene("first")
    untouched = panels(sheet, scene)[0] == coarse(scene.small)
    assert untouched.mean() > 0.95  # all but the cross


def test_a_beside_a_is_the_same_twice(library: Library) -> None:
    same = draw(library, "compare", "first", 40, 30, **{**VALUES, "layer_b": (2, 1), "part_b": "gate"})
    other = draw(library, "compare", "first", 40, 30, **VALUES)
    for sheet, alike in ((same, True), (other, False)):
        _, a, b = panels(sheet, library.scene("first"))
        assert np.array_equal(a, b) is alike
    assert "+1.00" in same.alt and "+1.00" not in other.alt


def test_a_network_that_is_its_own_control_looks_the_same_twice(models: tuple[SegNeXt, SegNeXt]) -> None:
    library = Library((models[0], models[0]), {"first": photo(1)})
    for view in ("attention", "bases", "receptive field", "Grad-CAM"):
        _, trained, control = panels(draw(library, view, "first", 40, 30, **VALUES), library.scene("first"))
        assert np.array_equal(trained, control)


def test_correlation_knows_the_same_the_opposite_and_the_coarser() -> None:
    x = torch.rand(4, 6, generator=torch.Generator().manual_seed(0))
    fine = x.repeat_interleave(2, 0).repeat_interleave(2, 1)
    assert atlas_panels.correlation(x, 3 * x + 1) == pytest.approx(1)
    assert atlas_panels.correlation(x, -x) == pytest.approx(-1)
    assert atlas_panels.correlation(x, fine) == pytest.approx(1)
    assert atlas_panels.correlation(x, torch.ones(4, 6)) == 0


def test_the_radius_that_holds_half() -> None:
    pull = torch.zeros(20, 20)
    pull[5, 5], pull[5, 9] = 2.0, 1.0
    assert atlas_panels.half_radius(pull, 5, 5) == 0
    pull[5, 9] = 2.5
    assert atlas_panels.half_radius(pull, 5, 5) == 4
    assert atlas_panels.half_radius(torch.ones(41, 41), 20, 20) == pytest.approx(41 * (0.5 / 3.14159) ** 0.5, abs=1)


def test_per_cent_reach_every_pixel_and_cell(library: Library) -> None:
    scene = library.scene("first")
    height, width = scene.trained.images.shape[2:]
    assert scene.pixel((0, 0)) == (0, 0) and scene.pixel((100, 100)) == (height - 1, width - 1)
    cells = {scene.cell((row, 50), scene.trained.labels.shape)[0] for row in range(101)}
    assert cells == set(range(height // 8))
    y, x = scene.pixel((37, 61))
    assert scene.cell((37, 61), scene.trained.labels.shape) == (cell_of(y, height, 8), cell_of(x, width, 12))


def test_the_words_say_what_explain_says(library: Library) -> None:
    scene, at = library.scene("first"), (37, 61)
    y, x = scene.cell(at, scene.trained.labels.shape)
    bases = atlas_views.bases(scene, at, 1, 0.8)
    assert any(text == f"trained: base {int(base_of(scene.trained.recording, y, x))}" for *_, text, _ in bases.texts)
    label = CLASSES[int(scene.trained.recording.logits[0, :, y, x].argmax())].split(",")[0]
    assert f"The cross ends as {label} (" in atlas_views.path(scene, at).alt
    first = draw(library, "attention", "first", *at, **VALUES)
    assert any(f"labelled {label} (" in text for *_, text, _ in first.texts)


def test_the_path_shows_the_likeness_that_explain_computes(library: Library) -> None:
    scene, at = library.scene("first"), (37, 61)
    sheet = atlas_views.path(scene, at)
    maps = scene.trained.recording.stages[3]
    alike = similarity(maps, *scene.cell(at, maps.shape))[0]
    wanted = atlas_views.coloured(alike, -1, 1, atlas_views.SIGNED)
    tall, wide = scene.fitted(166, 150).shape[:2]
    shown = sheet.canvas[62:][:tall, 8 + 4 * 166 :][:, : wide - 4]
    same = (atlas_views.enlarged(wanted, tall, wide)[:, : wide - 4] == shown).all(-1)
    assert same.mean() > 0.7  # all but the box


def test_a_class_without_pixels_is_said_to_have_none(library: Library) -> None:
    scene, never = library.scene("first"), CLASSES.index("car")
    assert not scene.areas[never].any() and scene.areas[int(scene.trained.labels[0, 0])].any()
    assert "No pixel of this photograph is labelled car" in atlas_views.cam(scene, (40, 30), never, 0.8).alt


@pytest.mark.slow
@pytest.mark.parametrize("view", USES)
def test_every_control_that_is_shown_moves_the_picture(atlas: Atlas, view: str) -> None:
    atlas.controls["view"].value = view
    atlas.controls["reading"].value = "channel"
    assert set(USES[view]) <= set(atlas.shown) <= {*USES[view], *figures.ALWAYS}
    opened = atlas.picture
    for name in atlas.shown:
        control, drawn = atlas.controls[name], set()
        start = control.value
        for value in list(bench.moves(atlas, name))[::-3] if name != "view" else ["path", "attention"]:
            control.value = value
            assert atlas.image.layout.display is None, atlas.status.value
            drawn.add(atlas.picture.png)
        assert drawn - {opened.png}, f"{name} changes nothing"
        control.value = start
        assert atlas.picture == opened


def test_few_controls_are_seen_at_once(atlas: Atlas) -> None:
    for view in USES:
        atlas.controls["view"].value = view
        assert len(atlas.shown) <= 10
    atlas.controls["view"].value = "attention"
    assert "channel" not in atlas.shown
    atlas.controls["reading"].value = "channel"
    assert "channel" in atlas.shown
    atlas.controls["part"].value = "winner"
    assert not {"reading", "channel"} & set(atlas.shown)


def test_picker_and_sliders_are_in_step_and_one_pick_draws_once(atlas: Atlas, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[tuple[int, int]] = []
    monkeypatch.setattr(
        figures, "draw", lambda *args, **values: drawn.append((values["row"], values["column"])) or SHEET
    )
    before = atlas.picture
    atlas.picker.set_state({"at": [12, 88]})  # as the browser does
    assert (atlas.controls["row"].value, atlas.controls["column"].value) == (12, 88)
    assert drawn == [(12, 88)]
    assert atlas.picture != before
    atlas.controls["column"].value = 17
    assert atlas.picker.at == (12, 17)


SHEET = atlas_panels.Sheet(700, 100)
SHEET.alt = "nothing but white paper"


def test_the_picker_shows_the_photograph_that_is_chosen(atlas: Atlas) -> None:
    before = atlas.picker.picture
    atlas.controls["photograph"].value = "second"
    assert atlas.picker.picture != before


def dropped(name: str, content: bytes) -> dict[str, Any]:
    """What the upload's `file` is after one was chosen in the browser."""
    return {"name": name, "content": memoryview(content)}


def png(picture: Image.Image) -> bytes:
    buffer = BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def test_ones_own_photograph_is_shown_and_stays_to_choose_from(atlas: Atlas) -> None:
    atlas.upload.file = dropped("cat.png", png(photo(7, (80, 120))))
    assert atlas.controls["photograph"].value == "yours 1: cat.png"
    assert "yours 1: cat.png" in atlas.picture.alt and atlas.image.layout.display is None
    shown = atlas.picture
    atlas.controls["photograph"].value = "first"
    atlas.upload.file = dropped("cat.png", png(photo(8, (80, 120))))
    assert atlas.picture.png != shown.png
    assert list(atlas.library.photographs) == ["first", "second", "yours 1: cat.png", "yours 2: cat.png"]


@pytest.mark.parametrize("content", [b"", b"no picture", png(photo())[:200], bytes(10_000_001)])
def test_a_bad_upload_is_a_sentence_in_the_pictures_place(atlas: Atlas, content: bytes) -> None:
    before = atlas.picture
    atlas.upload.file = dropped("<b>cat</b>.png", content)
    assert atlas.image.layout.display == "none"
    assert "&lt;b&gt;cat&lt;/b&gt;.png" in atlas.status.value and "Traceback" not in atlas.status.value
    assert atlas.controls["photograph"].value == "first" and list(atlas.library.photographs) == ["first", "second"]
    atlas.controls["row"].value += 1
    atlas.controls["row"].value -= 1
    assert atlas.image.layout.display is None and atlas.picture == before


def test_a_name_cannot_put_markup_into_the_page(atlas: Atlas) -> None:
    atlas.upload.file = dropped("<img src=x onerror=alert(1)>.png", png(photo(7)))
    assert "<img" not in atlas.status.value


def test_the_picture_is_saved_and_none_is_overwritten(
    atlas: Atlas, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for number in (1, 2):
        atlas.save.click()
        assert str(tmp_path / f"atlas_picture_{number}.png") in atlas.notice.value
        assert (tmp_path / f"atlas_picture_{number}.png").read_bytes() == atlas.picture.png
    monkeypatch.setattr(figures, "Path", lambda name: tmp_path / "file" / name)
    (tmp_path / "file").write_text("in the way")
    atlas.save.click()
    assert "could not be written" in atlas.notice.value


def test_what_is_kept_stays_within_its_bound(models: tuple[SegNeXt, SegNeXt]) -> None:
    one = Library(models, {"a": photo(1)})
    one.scene("a")
    most = int(2.5 * one.nbytes)
    library = Library(models, {"a": photo(1)}, most)
    for seed in range(7):
        library.scene(library.add("mine.png", photo(seed)))
        library.scene("a")
        assert library.nbytes <= most
        assert len([name for name in library.photographs if name.startswith("yours")]) <= UPLOADS
    assert list(library.kept) == ["yours 7: mine.png", "a"]
    assert library.scene("a") is library.scene("a")


def test_the_one_that_is_looked_at_is_kept_even_when_it_is_too_large(models: tuple[SegNeXt, SegNeXt]) -> None:
    library = Library(models, {"a": photo(1), "b": photo(2)}, most=1)
    assert library.scene("a") is library.scene("a")
    library.scene("b")
    assert list(library.kept) == ["b"]


def test_everything_that_can_be_touched_is_labelled(atlas: Atlas) -> None:
    def below(widget: Widget) -> Iterator[Widget]:
        yield widget
        for child in getattr(widget, "children", ()):
            yield from below(child)

    touched = [widget for widget in below(atlas) if widget not in (atlas.image, atlas.status, atlas.notice)]
    touched = [widget for widget in touched if not hasattr(widget, "children")]
    assert {*atlas.controls.values(), atlas.picker, atlas.upload, atlas.save} == set(touched)
    assert all(getattr(widget, "description", "") or getattr(widget, "label", "") for widget in touched)


def test_it_opens_on_what_a_checkpoint_learned_on() -> None:
    drawn = figures.explorer(figures.default_checkpoint().with_name("nano_mini.safetensors"), view="path")
    assert list(drawn.library.photographs) == list(figures.SCENES)
    assert drawn.values["view"] == "path" and "cross ends as" in drawn.picture.alt
    drawn.close()


def test_where_the_network_must_be_asked_again_the_figure_says_so_at_once(atlas):
    said: list[tuple[str, bytes]] = []
    atlas.notice.observe(lambda change: said.append((change["new"], atlas.picture.png)), names="value")
    atlas.controls["opacity"].value = 0.3
    assert said == []
    for control, value in (("photograph", "second"), ("view", "receptive field"), ("row", 9), ("view", "Grad-CAM")):
        before, said[:] = atlas.picture.png, []
        atlas.controls[control].value = value
        assert said == [("asking the network …", before), ("", atlas.picture.png)] and atlas.picture.png != before


def test_the_benchmark_asks_new_questions_in_every_view(atlas: Atlas) -> None:
    assert bench.views(atlas) == list(USES)
    times, before = bench.measured(atlas, "receptive field"), atlas.values
    assert set(times) == set(atlas.shown) == {*USES["receptive field"], *figures.ALWAYS}
    assert len(times["row"]) == bench.MOVES and min(seconds for some in times.values() for seconds in some) > 0
    assert before["view"] == "receptive field" and (before["row"], before["column"]) == figures.START
