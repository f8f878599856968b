"""What is committed names no developer's machine, and README leads somewhere."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MACHINE = re.compile(r"(?<![\w.~$)}-])/(?:work|root|tmp|home/\w+|Users/\w+|private/var)/")


def committed() -> list[Path]:
    """The files that git has or would take."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def text(path: Path) -> str:
    """A file's text; nothing for a binary one. Pictures inside notebooks are left out: base64 has slashes too."""
    content = path.read_bytes()
    if b"\0" in content:
        return ""
    return re.sub(r"[A-Za-z0-9+/=]{200,}", "", content.decode("utf-8", errors="replace"))


def test_no_file_names_a_developers_machine() -> None:
    named = [f"{path.relative_to(ROOT)}: {found[0]}" for path in committed() for found in MACHINE.finditer(text(path))]
    assert not named


@pytest.mark.parametrize("path", ["work/main", "root/.venv", "tmp/x", "home/ada/x", "Users/ada/x"])
def test_a_machines_path_is_noticed(path: str) -> None:
    for line in (f"see /{path}/file", f'"/{path}/file"', f"FILE=/{path}/file", f"file:///{path}/file"):
        assert MACHINE.search(line)


def test_other_paths_are_not() -> None:
    for line in ("https://example.org/home/ada/", "a/tmp/b", "$(HOME)/tmp/x", "~/tmp/x", "runs/tmp/"):
        assert not MACHINE.search(line)


def broken_links(markdown: str, folder: Path = ROOT) -> list[str]:
    """Targets of relative links and pictures that are not there, seen from a folder."""
    prose = re.sub(r"(?ms)^```.*?^```|`[^`\n]*`", "", markdown)
    targets = re.findall(r"\]\(<?([^)\s>]+)", prose) + re.findall(r"(?:src|href)=\"([^\"]+)\"", prose)
    files = [target.partition("#")[0] for target in targets if not re.match(r"https://|#", target)]
    return [file for file in files if not (folder / file).exists()]


def test_readme_leads_somewhere() -> None:
    assert not broken_links((ROOT / "README.md").read_text(encoding="utf-8"))


def test_a_link_to_nowhere_is_noticed() -> None:
    assert broken_links('[a](gone.md) ![b](LICENSE) <img src="gone.png"> [c](https://example.org) `[d](gone)`') == [
        "gone.md",
        "gone.png",
    ]


def test_workflows_name_actions_by_commit() -> None:
    """A tag can be moved to other code, a commit cannot; the comment says which version it is."""
    files = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
    if not files:
        pytest.skip("no checkout")
    used = [line for file in files for line in re.findall(r"uses: (.+)", file.read_text(encoding="utf-8"))]
    assert used and not [line for line in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)]


def test_dependencies_are_audited_and_security_leads_somewhere() -> None:
    audit = (ROOT / ".github" / "workflows" / "audit.yml").read_text(encoding="utf-8")
    assert "pip_audit -r requirements.txt" in audit and "schedule:" in audit
    assert not broken_links((ROOT / "SECURITY.md").read_text(encoding="utf-8"))
