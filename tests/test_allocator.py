"""What has been kept is asked of the heap, and no longer of the system."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

COUNT = """
import ctypes
import torch
from segnext_edu.allocator import keep_freed_memory

class Report(ctypes.Structure):
    names = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"
    _fields_ = [(name, ctypes.c_size_t) for name in names.split()]

report = ctypes.CDLL(None).mallinfo2
report.restype = Report
{first}
before = report().hblks
map = torch.empty(24 * 2**20, dtype=torch.uint8)
print(report().hblks - before)
"""
GLIBC = platform.libc_ver()[0] == "glibc" and tuple(map(int, platform.libc_ver()[1].split("."))) >= (2, 33)


@pytest.mark.skipif(not GLIBC, reason="this is about glibc's allocator, which reports on itself from 2.33 on")
@pytest.mark.parametrize(("first", "pieces"), [("", 1), ("keep_freed_memory()", 0)])
def test_a_map_is_not_fetched_from_the_system(first: str, pieces: int) -> None:
    """`pieces`: how many the process got from the system for itself, in a process with glibc's own settings."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}
    code = [sys.executable, "-c", COUNT.format(first=first)]
    done = subprocess.run(code, capture_output=True, text=True, check=True, env=environment)
    assert int(done.stdout) == pieces
