"""What may be wrong with --out is found before any data is loaded, and a fault leaves the folder as it was."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from segnext_edu.files import InputError
from segnext_edu.training.run_folder import RunFolder

ROOT = Path(__file__).parents[2]
HOLD = """
import sys, time
from segnext_edu.training.run_folder import RunFolder
folder = RunFolder(sys.argv[1])
folder.claim(resume=True)
print("claimed", flush=True)
time.sleep(600)
"""


@contextmanager
def held_by_another_process(path: Path) -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True, env=environment
    )
    try:
        assert process.stdout is not None and process.stdout.readline() == "claimed\n"
        yield process
    finally:
        process.kill()
        process.wait()


def claimed(path: Path, resume: bool = False) -> RunFolder:
    folder = RunFolder(path)
    folder.claim(resume)
    return folder


class TestAnOutThatCannotHoldARun:
    def test_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "notes.txt").write_text("mine")
        for path in (tmp_path / "notes.txt", tmp_path / "notes.txt" / "run"):
            with pytest.raises(InputError, match="no run can be written there .* choose another folder"):
                claimed(path)
        assert (tmp_path / "notes.txt").read_text() == "mine"

    def test_a_device(self) -> None:
        with pytest.raises(
            InputError, match="no run can be written there .there is something that is no folder.; choose"
        ):
            claimed(Path(os.devnull))

    @pytest.mark.parametrize("name", ["n" * 300, "deep/" * 2000, "null\0byte"], ids=["name", "path", "null byte"])
    def test_a_name_that_no_folder_can_have(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(InputError, match="no run can be written there"):
            claimed(tmp_path / name)
        assert not any(tmp_path.iterdir())

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
    def test_a_folder_that_may_not_be_written(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o500)
        with pytest.raises(InputError, match="no run can be written there"):
            claimed(tmp_path)

    def test_a_full_disk(self, tmp_path: Path) -> None:
        with no_file_longer_than(1000), pytest.raises(InputError, match="no run can be written there"):
            claimed(tmp_path / "run")
        assert not any(tmp_path.iterdir())


@contextmanager
def no_file_longer_than(size: int) -> Iterator[None]:
    """Writing beyond so many bytes fails in the middle, as on a full disk."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


class TestLock:
    def test_a_second_process_is_refused_until_the_first_dies(self, tmp_path: Path) -> None:
        with held_by_another_process(tmp_path / "run") as process:
            for resume in (False, True):
                with pytest.raises(InputError, match="another process trains in this folder"):
                    claimed(tmp_path / "run", resume)
            process.send_signal(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
            process.wait()
            folder = claimed(tmp_path / "run")
        folder.leave()
        assert list((tmp_path / "run").iterdir()) == []

    def test_the_same_process_may_begin_again(self, tmp_path: Path) -> None:
        """As in a notebook, where the interrupted run still has its name."""
        first = claimed(tmp_path / "run")
        second = claimed(tmp_path / "run")
        first.leave()
        assert (tmp_path / "run" / ".lock").exists()
        second.leave()
        assert not (tmp_path / "run" / ".lock").exists()


class TestWhatIsLeft:
    def test_a_folder_made_for_nothing_goes(self, tmp_path: Path) -> None:
        claimed(tmp_path / "run").leave()
        assert not (tmp_path / "run").exists()

    def test_a_folder_that_was_there_stays(self, tmp_path: Path) -> None:
        claimed(tmp_path).leave()
        assert tmp_path.is_dir() and not any(tmp_path.iterdir())

    def test_an_empty_log_is_no_run(self, tmp_path: Path) -> None:
        (tmp_path / "log.jsonl").touch()
        claimed(tmp_path).leave()

    @pytest.mark.parametrize("name", ["log.jsonl", "last.safetensors", "best.safetensors", "resume.pt"])
    def test_what_a_run_has_left_is_not_overwritten(self, tmp_path: Path, name: str) -> None:
        (tmp_path / name).write_text("good")
        with pytest.raises(InputError, match="holds a run already; go on with --resume, or choose another --out"):
            claimed(tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == [name]

    @pytest.mark.parametrize("name", ["last.safetensors", "best.safetensors"])
    def test_checkpoints_without_their_state_are_not_begun_anew(self, tmp_path: Path, name: str) -> None:
        (tmp_path / name).write_text("good")
        with pytest.raises(InputError, match=rf"resume\.pt is gone\. .* --start .*{name} and another --out"):
            claimed(tmp_path, resume=True)
        assert [path.name for path in tmp_path.iterdir()] == [name]


class TestLog:
    def test_a_full_disk_tears_no_line(self, tmp_path: Path) -> None:
        folder = claimed(tmp_path)
        folder.log({"step": 1})
        before = (tmp_path / "log.jsonl").read_bytes()
        with no_file_longer_than(20), pytest.raises(InputError, match="log.jsonl: could not be written .* --resume"):
            folder.log({"step": 2, "loss": 1.5})
        assert (tmp_path / "log.jsonl").read_bytes() == before
        folder.log({"step": 2})
        assert [json.loads(line)["step"] for line in (tmp_path / "log.jsonl").read_text().splitlines()] == [1, 2]

    @pytest.mark.parametrize(("step", "kept"), [(0, 0), (2, 2), (3, 3)])
    def test_what_was_logged_after_the_state_is_dropped(self, tmp_path: Path, step: int, kept: int) -> None:
        lines = [json.dumps({"step": number}) + "\n" for number in (1, 2, 3)]
        (tmp_path / "log.jsonl").write_text("".join(lines) + '{"step": 4, "lo')  # torn when the power failed
        (tmp_path / ".resume.pt.123.part").touch()
        (tmp_path / ".mine").touch()
        RunFolder(tmp_path).tidy(step)
        assert (tmp_path / "log.jsonl").read_text() == "".join(lines[:kept])
        assert sorted(path.name for path in tmp_path.iterdir()) == [".mine", "log.jsonl"]

    @pytest.mark.parametrize(
        "content",
        [b"\xff\xfe\x00garbage\n", '{"step": 1}\n'.encode("utf-16"), b"\0" * 50 + b"\n", b"text\n", b"[1]\n", b"7\n",
         b'{"loss": 1}\n', b'{"step": "one"}\n', b"[" * 100_000 + b"\n"],
        ids=["not UTF-8", "UTF-16", "zeros", "text", "list", "number", "no step", "step in words", "deep"],
    )  # fmt: skip
    def test_a_log_that_no_run_wrote_is_refused_and_left_alone(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "log.jsonl").write_bytes(content)
        with pytest.raises(InputError, match="log.jsonl: line 1 is none of a run's log; restore the file, or move it"):
            RunFolder(tmp_path).tidy(3)
        assert (tmp_path / "log.jsonl").read_bytes() == content

    def test_a_log_that_is_a_folder(self, tmp_path: Path) -> None:
        (tmp_path / "log.jsonl").mkdir()
        with pytest.raises(InputError, match="log.jsonl: could not be read"):
            RunFolder(tmp_path).tidy(3)

    def test_a_log_that_was_taken_away_begins_anew(self, tmp_path: Path) -> None:
        RunFolder(tmp_path).tidy(3)
        assert not any(tmp_path.iterdir())
