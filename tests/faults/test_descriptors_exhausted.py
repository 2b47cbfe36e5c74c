import pytest

from emulator.fault import parameters
from faults.descriptors_exhausted import LEAST, DescriptorsExhausted

OPEN = """
import socket
def handler(event, context):
    sockets = []
    try:
        for _ in range(event):
            sockets.append(socket.socket())
    finally:
        for one in sockets:
            one.close()
    return len(sockets)
"""
IN_NODE = """
const fs = require("node:fs");
exports.handler = async (most) => {
  const open = [];
  try {
    while (open.length < most) open.push(fs.openSync("/dev/null"));
    return open.length;
  } finally {
    open.forEach((one) => fs.closeSync(one));
  }
};
"""


def test_its_parameters():
    assert {name: row["default"] for name, row in parameters(DescriptorsExhausted).items()} == {"limit": 32}


def test_fewer_than_a_runtime_needs_are_refused(inline_rig):
    few = inline_rig.fault("descriptors_exhausted", limit=LEAST - 1)
    with pytest.raises(Exception, match="limit: must be 24 or more"), few:
        pass


def test_one_socket_too_many_is_refused_and_all_is_well_after_the_rule(real_rig, write_handler):
    real_rig.function("pool", write_handler(OPEN), "handler.handler", memory=256, timeout=20)
    with real_rig.fault("descriptors_exhausted") as armed:
        assert real_rig.invoke("pool", 20).payload == 20
        failed = real_rig.invoke("pool", 40)
        assert real_rig.invoke("pool", 20).payload == 20
    assert failed.payload["errorMessage"] == "[Errno 24] Too many open files"
    assert armed.strikes == 1
    assert real_rig.invoke("pool", 40).payload == 40


def test_awss_clients_start_and_serve_with_the_fewest_allowed(real_rig, write_handler, tmp_path):
    (tmp_path / "node").mkdir()
    (tmp_path / "node" / "index.js").write_text(IN_NODE)
    real_rig.function("python", write_handler(OPEN), "handler.handler", memory=256, timeout=20)
    real_rig.function("node", tmp_path / "node", "index.handler", runtime="nodejs22.x", memory=512, timeout=20)
    with real_rig.fault("descriptors_exhausted", limit=LEAST):
        assert real_rig.invoke("python", 12).payload == 12
        assert real_rig.invoke("node", 1).payload == 1
        assert real_rig.invoke("node", 9).payload["errorMessage"].startswith("EMFILE: too many open files")


def test_inline_it_is_an_error_of_the_rigs(inline_rig, write_handler):
    inline_rig.function("pool", write_handler(OPEN), "handler.handler")
    with inline_rig.fault("descriptors_exhausted", optional=True), pytest.raises(Exception, match="limit open files"):
        inline_rig.invoke("pool", 0)
    assert inline_rig.invoke("pool", 0).ok
