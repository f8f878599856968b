"""nbgrader's settings for this course; `course answers` puts this file beside source/, where nbgrader looks for it."""

from nbconvert.preprocessors import ClearMetadataPreprocessor
from nbgrader.converters import GenerateAssignment
from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    ClearSolutions,
    IgnorePattern,
    LimitOutput,
    SaveAutoGrades,
)

from tools.course.execute import Execute, Stubs

c = get_config()  # noqa: F821  # pyright: ignore[reportUndefinedVariable]

c.CourseDirectory.course_id = "segnext_edu"
c.CourseDirectory.ignore = [".ipynb_checkpoints", "*.pyc", "__pycache__"]

# nbgrader's steps, with our Stubs for its ClearSolutions, and our Execute for its own.
c.GenerateAssignment.preprocessors = [
    Stubs if step is ClearSolutions else step for step in GenerateAssignment().preprocessors
]
c.Autograde.autograde_preprocessors = [
    Execute,
    IgnorePattern,
    ClearMetadataPreprocessor,
    LimitOutput,
    SaveAutoGrades,
    AssignLatePenalties,
    CheckCellMetadata,
]
