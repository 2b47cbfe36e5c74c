"""The wheel works where there is no checkout."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.xdist_group("wheel")


def run(*command, cwd, **environment):
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(command, cwd=cwd, env={**keep, **environment}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_installed_into_an_empty_environment_it_runs_a_function_in_an_empty_folder(tmp_path):
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(tmp_path), str(ROOT), cwd=tmp_path)
    (wheel,) = tmp_path.glob("lambdarig-*.whl")
    run(sys.executable, "-m", "venv", "environment", cwd=tmp_path)
    programs, empty = tmp_path / "environment" / "bin", tmp_path / "empty"
    run(programs / "python", "-m", "pip", "install", "-q", str(wheel), cwd=tmp_path)
    empty.mkdir()
    up = json.loads(run(programs / "lambdarig", "up", "--port", "0", "--engine", "process", "--detach", "--json",
                        cwd=empty, XDG_RUNTIME_DIR=str(tmp_path)))
    port = up["url"].rsplit(":", 1)[1]
    try:
        (tmp_path / "code").mkdir()
        (tmp_path / "code" / "app.py").write_text("def handler(event, context):\n    return event\n")
        version = f"python3.{sys.version_info.minor}"
        make = ("import boto3, sys; boto3.client('lambda', region_name='us-east-1', endpoint_url=sys.argv[1], "
                "aws_access_key_id='x', aws_secret_access_key='x').create_function(FunctionName='echo', "
                f"Runtime='{version}', Role='arn:aws:iam::123456789012:role/r', Handler='app.handler', "
                "Code={'S3Bucket': 'hot-reload', 'S3Key': sys.argv[2]})")
        tmp_path.chmod(0o755)
        run(programs / "python", "-c", make, up["url"], str(tmp_path / "code"), cwd=empty)
        answer = run(programs / "lambdarig", "invoke", "echo", "--payload", '{"a": 1}', "--port", port, cwd=empty)
        assert json.loads(answer) == {"a": 1}
    finally:
        run(programs / "lambdarig", "down", "--port", port, cwd=empty, XDG_RUNTIME_DIR=str(tmp_path))
    assert list(empty.iterdir()) == []
