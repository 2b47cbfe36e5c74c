"""`--junit FILE`: a report that CI servers read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from emulator.errors import UsageError


def write(suite: Any, file: Path) -> None:
    """suite: a junitparser.TestSuite. Raises UsageError where the file cannot be written."""
    from junitparser import JUnitXml

    report = JUnitXml()
    report.add_testsuite(suite)
    try:
        report.write(str(file), pretty=True)
    except OSError as error:
        raise UsageError(f"--junit: cannot write {file}: {error.strerror}") from None
