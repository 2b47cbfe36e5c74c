"""Which real engines are tested: LAMBDARIG_ENGINE_TESTS, `docker,process` unless it says otherwise."""

from __future__ import annotations

import os

VARIABLE = "LAMBDARIG_ENGINE_TESTS"
REAL = ("docker", "process")
ENGINES = tuple(name.strip() for name in os.environ.get(VARIABLE, ",".join(REAL)).split(","))
