"""nbgrader's settings for this course; `course answers` puts this file beside source/, where nbgrader looks for it."""

from nbconvert.preprocessors import ClearMetadataPreprocessor
from nbgrader.preprocessors import AssignLatePenalties, CheckCellMetadata, IgnorePattern, LimitOutput, SaveAutoGrades

from tools.course.execute import Execute

c = get_config()  # noqa: F821  # pyright: ignore[reportUndefinedVariable]

c.CourseDirectory.course_id = "segnext_edu"
c.CourseDirectory.ignore = [".ipynb_checkpoints", "*.pyc", "__pycache__"]
c.ClearSolutions.code_stub = {"python": "raise NotImplementedError  # your lines, instead of this one"}

# nbgrader's steps, with our Execute for its own.
c.Autograde.autograde_preprocessors = [
    Execute,
    IgnorePattern,
    ClearMetadataPreprocessor,
    LimitOutput,
    SaveAutoGrades,
    AssignLatePenalties,
    CheckCellMetadata,
]
