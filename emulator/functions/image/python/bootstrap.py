"""Runs inside a function's container: AWS's search path (code, then layers, then the runtime), then AWS's client."""

import os
import sys

task = os.environ.get("LAMBDA_TASK_ROOT", "/var/task")
layers = f"/opt/python/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages", "/opt/python"
sys.path[:1] = [task, *layers, "/var/runtime"]

from awslambdaric.__main__ import main  # type: ignore[import-untyped]  # noqa: E402

main([__file__, os.environ["_HANDLER"]])
