import pytest

from emulator.errors import Verdict
from emulator.fault import parameters
from faults.tmp_full import TmpFull

WRITE = """
import errno, os
def handler(kb, context):
    try:
        with open("/tmp/x", "wb", buffering=0) as file:
            written = file.write(bytes(kb * 1024))
            return written // 1024 if written < kb * 1024 else "written"
    except OSError as error:
        return errno.errorcode[error.errno], os.strerror(error.errno)
"""


@pytest.fixture
def export(real_rig, write_handler):
    real_rig.function("export", write_handler(WRITE), "handler.handler", memory=256, timeout=20)
    return lambda kb: real_rig.invoke("export", kb).payload


def test_its_parameters():
    assert {name: row["default"] for name, row in parameters(TmpFull).items()} == {"left_kb": 64}


def test_less_than_a_page_is_refused(inline_rig):
    with pytest.raises(Exception, match="left_kb: must be 4 or more, not 0"), inline_rig.fault("tmp_full", left_kb=0):
        pass


def test_the_write_past_what_is_left_finds_no_space_and_all_is_well_after_the_rule(real_rig, export):
    with real_rig.fault("tmp_full") as armed:
        assert export(60) == "written"
        assert export(1024) == 64
    assert armed.strikes == 1
    assert export(1024) == "written"


def test_the_next_write_to_one_that_is_full_is_an_error(real_rig, write_handler):
    write = """
def handler(event, context):
    with open("/tmp/x", "ab") as file:
        file.write(bytes(event))
"""
    real_rig.function("export", write_handler(write), "handler.handler", memory=256, timeout=20)
    with real_rig.fault("tmp_full", left_kb=8):
        assert real_rig.invoke("export", 8192).ok
        failed = real_rig.invoke("export", 1)
    assert failed.payload["errorMessage"] == "[Errno 28] No space left on device"
    assert real_rig.invoke("export", 1 << 20).ok


def test_only_the_environments_it_is_aimed_at(real_rig, export, write_handler):
    real_rig.function("other", write_handler(WRITE, "other"), "handler.handler", memory=256, timeout=20)
    with real_rig.fault("tmp_full", match={"function": "other"}):
        assert export(1024) == "written"
        assert real_rig.invoke("other", 1024).payload == 64


def test_inline_it_is_an_error_of_the_rigs(inline_rig, write_handler):
    inline_rig.function("export", write_handler(WRITE), "handler.handler")
    with inline_rig.fault("tmp_full", optional=True), pytest.raises(Exception, match="engine limit /tmp"):
        inline_rig.invoke("export", 0)


def test_a_warm_environment_is_not_struck(inline_rig, write_handler):
    inline_rig.function("export", write_handler(), "handler.handler")
    inline_rig.invoke("export")
    with pytest.raises(Verdict, match="the rule 'tmp_full' never struck"), inline_rig.fault("tmp_full"):
        inline_rig.invoke("export")


def test_one_initialised_ahead_under_the_rule_makes_way_for_another_after_it(real_rig, write_handler):
    real_rig.function("export", write_handler(WRITE), "handler.handler", memory=512, timeout=20)
    api = real_rig.client("lambda")
    version = {"FunctionName": "export", "Qualifier": api.publish_version(FunctionName="export")["Version"]}
    with real_rig.fault("tmp_full"):
        api.put_provisioned_concurrency_config(**version, ProvisionedConcurrentExecutions=1)
        assert api.get_provisioned_concurrency_config(**version)["Status"] == "READY"
        assert real_rig.invoke("export:1", 1024).payload == 64
    healthy = real_rig.invoke("export:1", 1024)
    assert (healthy.payload, "Init Duration" in healthy.log) == ("written", False)
