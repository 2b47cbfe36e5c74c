"""Counts its invocations in memory; takes as much memory, and as long, as the event says."""

import time

count = 0


def handler(event, context):
    global count
    count += 1
    taken = b"x" * (event.get("mb", 0) << 20)
    time.sleep(event.get("seconds", 0))
    return {"count": count, "bytes": len(taken)}
