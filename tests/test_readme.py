"""README's tree names what there is: nothing is missing, and nothing is gone."""

from __future__ import annotations

import re
from fnmatch import fnmatch

import pytest

from segnext_edu.lessons.series import SERIES
from tests.test_hygiene import ROOT, committed


def tree(readme: str) -> dict[str, str]:
    """Path → comment, as README's tree has them; a folder ends in a slash."""
    block = re.search(r"(?m)^## What is where\n+```text\n((?:.*\n)*?)```$", readme)
    assert block, "README has no tree"
    entries, folders = {}, []
    for line in block[1].splitlines():
        indent, name, comment = re.fullmatch(r"( *)(\S+)(?: +(\S.*))?", line).groups()
        folders = folders[: len(indent) // 2]
        entries["".join(folders) + name] = comment or ""
        folders.append(name)
    return entries


def names(pattern: str) -> set[str]:
    """What a line of the tree may stand for: itself, or one path per topic of the series."""
    return {pattern.replace("<topic>", one.topic) for one in SERIES}


def differences(entries: dict[str, str], files: list[str]) -> list[str]:
    """What the tree lacks and what it names in vain, in words.

    A folder without lines below it stands for all that is in it; all the package's folders have lines.
    """
    shown = {"".join(part) for path in entries for part in [path.rpartition("/")[:2]] if part[1]}
    opened = {""} | {folder for folder in shown if any(p != folder and p.startswith(folder) for p in entries)}
    opened |= {folder for folder in shown if folder.startswith("segnext_edu/")}
    wanted = set()
    for file in files:
        parts = file.split("/")
        for depth in range(len(parts)):
            if "".join(f"{part}/" for part in parts[:depth]) not in opened:
                break
            wanted.add("/".join(parts[: depth + 1]) + "/" * (depth + 1 < len(parts)))
    patterns = {name: entry for entry in entries for name in names(entry)}
    missing = [path for path in sorted(wanted) if not any(fnmatch(path, pattern) for pattern in patterns)]
    used = {entry for pattern, entry in patterns.items() if any(fnmatch(path, pattern) for path in wanted)}
    return [f"{path} is missing" for path in missing] + [f"{path} is gone" for path in entries if path not in used]


def test_the_tree_is_what_there_is() -> None:
    entries = tree((ROOT / "README.md").read_text("utf-8"))
    files = [path.relative_to(ROOT).as_posix() for path in committed()]
    assert differences(entries, [file for file in files if not file.startswith(".")]) == []
    assert all(entries.values()), "each line has a comment"


TREE = {"README.md": "a", "segnext_edu/": "b", "segnext_edu/a.py": "c", "segnext_edu/<topic>.py": "d", "tests/": "e"}
FILES = ["README.md", "segnext_edu/a.py", "segnext_edu/tour.py", "tests/deep/x.py"]


@pytest.mark.parametrize(
    ("more", "fewer", "said"),
    [
        ("", "", []),
        ("segnext_edu/new.py", "", ["segnext_edu/new.py is missing"]),
        ("segnext_edu/room/new.py", "", ["segnext_edu/room/ is missing"]),
        ("top.txt", "", ["top.txt is missing"]),
        ("tests/deep/y.py", "", []),
        ("", "segnext_edu/a.py", ["segnext_edu/a.py is gone"]),
        ("", "segnext_edu/tour.py", ["segnext_edu/<topic>.py is gone"]),
    ],
)
def test_what_differs_is_named(more: str, fewer: str, said: list[str]) -> None:
    assert differences(TREE, [file for file in [*FILES, more] if file and file != fewer]) == said
