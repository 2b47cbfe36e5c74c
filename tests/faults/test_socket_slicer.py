"""socket_slicer against a real PostgreSQL, and in real handlers."""

import random
import socket

import pytest
from relayed import ROWS, function_that_asks

from emulator.errors import FileProblem
from faults.socket_slicer import SocketSlicer


def test_a_handler_that_takes_a_piece_for_the_whole_fails_and_one_that_does_not_lives(real_rig):
    function_that_asks(real_rig)
    real_rig.function("naive", ROWS, "naive.handler", environment={"DATABASE_URL": real_rig.database("rows-db")})
    with real_rig.fault("socket_slicer", average_size=4, delay_ms=500):
        assert real_rig.invoke("naive").payload["errorMessage"] == "unpack requires a buffer of 9 bytes"
    with real_rig.fault("socket_slicer", average_size=100):
        assert real_rig.invoke("orders").payload["rows"] == 1
    assert real_rig.invoke("naive").payload == "R 8 3"


def test_every_piece_is_a_segment_of_its_own(relayed):
    """The question for TLS is eight bytes: the server answers when their second half has come."""
    ask = b"\0\0\0\x08\x04\xd2\x16\x2f"
    halved = relayed.fault("socket_slicer", average_size=4, delay_ms=50, direction="upstream")
    with halved, socket.create_connection(relayed.address) as client:
        began = relayed.clock.monotonic()
        client.sendall(ask)
        assert client.recv(10) == b"N"
        assert relayed.clock.monotonic() - began >= 0.05


def test_a_result_in_pieces_is_whole(relayed):
    with relayed.fault("socket_slicer", average_size=200, size_variation=199, delay_ms=0.0, direction="both"):
        assert relayed.rows(100) == 100


def test_there_is_a_moment_between_two_pieces(relayed):
    with relayed.fault("socket_slicer", average_size=1000, delay_ms=5):
        assert relayed.seconds(30) >= 30 * 0.005


class Line:
    def wait(self, seconds):
        return True


def sizes(fault, seed):
    return [len(piece) for piece in fault.shape([(0.0, bytes(10_000))], Line(), random.Random(seed))]


def test_sizes_are_drawn_from_the_seed():
    fault = SocketSlicer(average_size=100, size_variation=50)
    assert sizes(fault, 1) == sizes(fault, 1)
    assert sizes(fault, 1) != sizes(fault, 2)
    assert {50 <= size <= 150 for size in sizes(fault, 1)[:-1]} == {True}
    assert set(sizes(SocketSlicer(average_size=100), 1)) == {100}


def test_pieces_of_no_size_are_refused(relayed):
    problem = "with: size_variation: must be less than average_size"
    with pytest.raises(FileProblem, match=problem), relayed.fault("socket_slicer", average_size=5, size_variation=5):
        pass
