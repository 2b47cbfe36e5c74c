"""AWS's own suite, unmodified, by the files of sample_connectors/awss_suite: as a user runs it against a connector."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from emulator.aws.internal import client
from emulator.building import build_rig
from emulator.files import RigFile, load
from emulator.rig import Rig
from emulator.settings import Settings

FOLDER = Path(__file__).parent.parent / "sample_connectors" / "awss_suite"


@pytest.mark.parametrize("name", ["salesforce", "crm"])
def test_it_passes(name):
    file = FOLDER / f"{name}.yaml"
    with Rig(Settings(engine="process")) as rig:
        build_rig(rig, load(file, RigFile), file, print)
        client(rig.endpoint, "s3").create_bucket(Bucket="lake")
        own = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
        aws = {"AWS_ENDPOINT_URL": rig.url, "AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "x",
               "AWS_SECRET_ACCESS_KEY": "x"}  # fmt: skip
        command = [sys.executable, "-W", "ignore", "-m", "unittest", "-v", "suite"]
        environment = {**own, **aws, "TEST_CONFIG": f"{name}.json", "NO_PROXY": "*"}
        done = subprocess.run(command, env=environment, cwd=FOLDER, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr.count("... ok"), "skipped" in done.stderr) == (0, 6, False), done.stderr
