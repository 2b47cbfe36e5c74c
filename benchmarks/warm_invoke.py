"""Warm `lambda.invoke`, frozen and thawed around every invocation, beside the floor."""

from __future__ import annotations

import tempfile
from pathlib import Path

from bare import EVENT, bare
from nothing import serving_nothing
from rigs import rig, write_code
from samples import Row, interleaved, over, row


def run(engine: str, runtime: str, quick: bool) -> list[Row]:
    with (
        tempfile.TemporaryDirectory(prefix="lambdarig-bench-") as folder,
        bare(engine, write_code(Path(folder)), runtime) as floor,
        rig(engine, runtime) as running,
        serving_nothing() as nothing,
    ):
        running.add_function()
        raw, client, empty = running.connection(), running.client("lambda"), nothing.connection()
        lanes = {
            "floor": floor.turn,
            "frozen": floor.frozen_turn,
            "nothing": empty.invoke,
            "raw": raw.invoke,
            "boto3": lambda: client.invoke(FunctionName="bench", Payload=EVENT)["Payload"].read() and None,
        }
        seen = interleaved(lanes, rounds=6 if quick else 60, block=20)
    floor_ms, name = seen["floor"], f"{engine} engine: "
    return [
        row(f"{name}floor: `next` answered -> `response`, bare socket", floor_ms),
        row(f"{name}the same, with thaw before and freeze after", seen["frozen"], over(seen["frozen"], floor_ms)),
        row("HTTP alone: the same client and server, an application that does nothing", seen["nothing"]),
        row(f"{name}warm lambda.invoke, HTTP keep-alive", seen["raw"], over(seen["raw"], floor_ms)),
        row(f"{name}warm lambda.invoke, boto3", seen["boto3"], over(seen["boto3"], floor_ms)),
    ]
