import errno

import pytest

from segnext_edu.files import InputError, appears_whole, one_line_errors, printable, repository_data


def test_a_file_appears_when_it_is_complete(tmp_path):
    path = tmp_path / "new" / "file.txt"
    with appears_whole(path) as part:
        part.write_text("whole")
        assert not path.exists()
    assert path.read_text() == "whole"
    assert [found.name for found in path.parent.iterdir()] == ["file.txt"]


def test_a_folder_takes_the_place_of_an_older_one(tmp_path):
    path = tmp_path / "folder"
    for content in ("old", "new"):
        with appears_whole(path) as part:
            part.mkdir()
            (part / content).touch()
    assert [found.name for found in path.iterdir()] == ["new"]


@pytest.mark.parametrize("error", [RuntimeError("stop"), KeyboardInterrupt()])
def test_what_is_interrupted_leaves_everything_as_it_was(tmp_path, error):
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(type(error)), appears_whole(path) as part:
        part.write_text("half")
        raise error
    assert path.read_text() == "old" and len(list(tmp_path.iterdir())) == 1


def test_a_full_disk_becomes_a_sentence(tmp_path):
    path = tmp_path / "file.txt"
    with (
        pytest.raises(InputError, match="file.txt: could not be written .No space left on device"),
        appears_whole(path),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_becomes_a_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="could not be written"), appears_whole(tmp_path / "file" / "inside.txt"):
        pass


def test_what_ships_is_there():
    assert (repository_data() / "mini" / "train.parquet").is_file()


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [(None, 0, ""), (InputError("no such file"), 2, "error: no such file"), (KeyboardInterrupt(), 130, "stopped")],
)
def test_a_command_ends_in_an_exit_code_and_a_line_at_most(capsys, error, code, said):
    @one_line_errors
    def main(answer):
        if error is not None:
            raise error
        print(answer)

    assert main("done") == code
    written = capsys.readouterr()
    assert written.err.strip() == said and written.out == ("" if error else "done\n")


def test_a_fault_of_ours_keeps_its_traceback():
    @one_line_errors
    def main():
        raise RuntimeError("ours")

    with pytest.raises(RuntimeError, match="ours"):
        main()


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("\x1b]0;owned\x07", r"\x1b]0;owned\x07"),
        ("a\r\nb\tc", r"a\r\nb\tc"),
        ("\x9b2J", r"\x9b2J"),  # ESC [ in one character
        ("gpj.\u202eexe", r"gpj.\u202eexe"),  # would read exe.jpg
        ("caf\udce9.jpg", r"caf\udce9.jpg"),  # a name that is no UTF-8, as Python holds it
        ("Straße, 道路 🌳", "Straße, 道路 🌳"),
    ],
)
def test_foreign_words_cannot_give_a_terminal_orders(words, shown, capsys):
    @one_line_errors
    def main():
        raise InputError(f"{words}: no such file")

    assert printable(words) == shown
    assert main() == 2 and capsys.readouterr().err == f"error: {shown}: no such file\n"
