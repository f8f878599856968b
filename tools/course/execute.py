"""nbgrader's steps that are ours: what students are given instead of our answers, and how a hand-in is run.

Of a hand-in only the lesson's definitions and the exercises are run, whatever an answer does to the kernel. Every right
answer is run a second time by `judge`, since in a student's own kernel nothing is safe from the student.

nbgrader gives all points to a test cell without an error, so one that has not run must hold one. It gives none to a
cell that wrote to stderr, were it only a warning. And it allows 30 seconds a cell, which importing PyTorch can take.
"""

from __future__ import annotations

import ast
import re
from typing import Any

from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbclient.util import run_sync
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_output
from nbgrader.preprocessors import Execute as Plain
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Bool, Enum, Integer

from tools.course.exercises import CHECK
from tools.course.judge import verdict
from tools.course.names import reported

HAND_IN = re.compile(r'course\.hand_in\("(?P<check>[\w.]+)", "(?P<name>\w+)"')
DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)


class Stubs(NbGraderPreprocessor):
    """Instead of nbgrader's ClearSolutions: our answers make room for the stubs that the series' notebooks have."""

    def preprocess_cell(self, cell: NotebookNode, resources: Any, index: int) -> tuple[NotebookNode, Any]:
        cell.source = cell.metadata.pop("stub", cell.source)
        return cell, resources


class Execute(Plain):
    """nbgrader's own step, less the lesson's pictures and trainings, and with a kernel for everyone who lost one."""

    timeout = Integer(120, help="Seconds for a cell of definitions.").tag(config=True)
    answer_timeout = Integer(20, help="Seconds for an answer, or for the cell that checks it.").tag(config=True)

    interrupt_on_timeout = Bool(False)  # an answer can swallow an interrupt; it cannot keep its kernel
    shutdown_kernel = Enum(["graceful", "immediate"], "immediate")  # nor does it get five seconds to think it over
    done: list[str]  # what this hand-in's kernel has run
    answer: str  # the exercise's cell that was run last, without the line that checks
    before: list[str]  # the lesson's definitions, and our answers to earlier exercises

    def _get_timeout(self, cell: NotebookNode | None) -> int | None:
        return self.answer_timeout if cell and "nbgrader" in cell.metadata else self.timeout

    def preprocess(self, nb: NotebookNode, resources: Any = None, km: Any = None) -> tuple[NotebookNode, Any]:
        self.done, self.answer, self.before = [], "", []
        return super().preprocess(nb, resources, km)

    def preprocess_cell(self, cell: NotebookNode, resources: Any, index: int) -> tuple[NotebookNode, Any]:
        """Run one cell; one that hangs, or whose kernel dies, gets an error, and the next one a new kernel."""
        graded = "nbgrader" in cell.metadata
        source = cell.source if graded else definitions(cell.source)
        if cell.cell_type != "code" or not source:
            return cell, resources
        ran = cell if graded else new_code_cell(source)
        try:
            super().preprocess_cell(ran, resources, index)
            self.done.append(source)
        except (DeadKernelError, CellTimeoutError) as error:
            ran.outputs = [new_output("error", ename=type(error).__name__, evalue=LOST, traceback=[LOST])]
            self.begin_again(cell)
        cell.outputs = [output for output in ran.outputs if output.get("name") != "stderr"] if graded else []
        if not graded:
            self.before.append(source)
        elif not counts_points(cell):
            self.answer = CHECK.sub("", cell.source)
        else:
            cell.outputs = self.judged(cell)
            self.before.append(lent(cell.source))
        if names := [] if counts_points(cell) else reported(source, answer=graded):
            note = f"Look at this cell by hand: it names {', '.join(names)}."
            self.log.warning("%s, cell %d: %s", resources["metadata"]["path"], index + 1, note)
            cell.outputs.append(new_output("stream", name="stdout", text=f"{note}\n"))
        return cell, resources

    def judged(self, cell: NotebookNode) -> list[NotebookNode]:
        """What nbgrader is to see in the cell that counts an exercise's points: an error, or nothing at all."""
        errors = [output for output in cell.outputs if output.output_type == "error"]
        if errors:
            return errors[:1]
        found = HAND_IN.search(cell.source)  # nbgrader has put back what the lecturer's copy holds
        assert found, cell.source
        said = verdict(found["check"], found["name"], self.before, self.answer, float(self.timeout))
        return [] if said.startswith("✓") else [new_output("error", ename="NotRight", evalue=said, traceback=[said])]

    def begin_again(self, cell: NotebookNode) -> None:
        """Another kernel, brought to where the old one was; in the place of what killed it stands our answer."""
        if counts_points(cell):
            self.done.append(lent(cell.source))
        self.restart()
        for source in self.done:
            super().preprocess_cell(new_code_cell(source), {}, 0)

    async def async_restart(self) -> None:
        await self._async_cleanup_kernel()
        self.km = self.create_kernel_manager()
        await self.async_start_new_kernel()
        await self.async_start_new_kernel_client()

    restart = run_sync(async_restart)


LOST = "The kernel was lost here: this cell did not come to an end, or ended Python itself."


def counts_points(cell: NotebookNode) -> bool:
    """Whether this is the cell that comes after an exercise's."""
    return cell.metadata.get("nbgrader", {}).get("grade_id", "").endswith("-points")


def lent(points: str) -> str:
    """A cell that lends our answer, in the place of one that counts the points."""
    return points.replace("hand_in", "lend")


def definitions(source: str) -> str:
    """A lesson's cell less all that draws, trains and prints: its imports, functions, classes and plain constants."""
    try:
        body = ast.parse(source).body
    except SyntaxError:  # a student has left something in a lesson's cell
        return ""
    return "\n".join(ast.unparse(node) for node in body if isinstance(node, DEFINITIONS) or plain(node))


def plain(node: ast.stmt) -> bool:
    """Whether this gives a name to a literal, such as IGNORE = 255."""
    if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Constant):
        return False
    return all(isinstance(target, ast.Name) for target in node.targets)
