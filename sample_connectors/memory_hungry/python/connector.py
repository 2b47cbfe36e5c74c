"""Reads a SaaS's answer of `{"megabytes": N}` and says how much it read.

Known weakness of `handler`: it has the whole answer in memory at once, so that its memory grows with the data. Past the
function's memory size the kernel kills the process: no exception, no line of its own in the log. `streaming` has one
megabyte of it at a time.
"""

MB = 1024 * 1024  # bytes

invocations = 0  # of this execution environment: 1 again after a cold start


def handler(event, context):
    return answer(len(read(event["megabytes"])))


def streaming(event, context):
    return answer(sum(len(read(1)) for _ in range(event["megabytes"])))


def read(megabytes):
    """What a SaaS would send, without one to ask."""
    return b"1" * (megabytes * MB)


def answer(length):
    global invocations
    invocations += 1
    return {"megabytes": length // MB, "invocation": invocations}
