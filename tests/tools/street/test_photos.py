"""Both sets in one numbering, and nothing of the images set aside among those learned from."""

import pytest

from segnext_edu.files import InputError
from tools.street import photos
from tools.street.labels import ROWS, row_of


def test_masks_become_rows(streets):
    (photo,) = photos.read(streets / "camvid", ["0001TP_000"])
    assert photo.image.shape == (3, 64, 80) and photo.rows.shape == (64, 80)
    names = ["sky", "building", "pole", "road", "pavement", "tree", "sign", "fence", "car"]
    assert photo.rows[0, ::8].tolist() == [row_of("camvid", name) for name in names] + [255]


@pytest.mark.parametrize("source", photos.SOURCES)
def test_learn_and_choose_divide_the_training_photographs(streets, source):
    train, val, learn, choose = (photos.split(streets / source, part) for part in ("train", "val", "learn", "choose"))
    assert sorted(learn + choose) == sorted(train) and choose and not set(train) & set(val)
    if source == "labelmefacade":
        assert not {stem.split("__")[0] for stem in learn} & {stem.split("__")[0] for stem in choose}
    else:
        assert max(learn) < min(choose)  # the end of the video


def test_the_finder_knows_who_shows_what(streets):
    taken = [
        photo for name in photos.SOURCES for photo in photos.read(streets / name, photos.split(streets / name, "train"))
    ]
    finder = photos.Finder(taken)
    for row, (source, _) in enumerate(ROWS):
        showing = {index for index, photo in enumerate(taken) if (photo.rows == row).any()}
        assert set(finder.showing[row]) == showing and all(taken[index].source == source for index in showing)
    assert finder.share.sum() == pytest.approx(1)


def test_another_folder_is_refused_in_words(tmp_path):
    with pytest.raises(InputError, match="labelmefacade or camvid"):
        photos.read(tmp_path, [])
