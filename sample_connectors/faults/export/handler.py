"""Writes an export of 256 KB to /tmp, and removes it."""

import os


def handler(event, context):
    with open("/tmp/export.csv", "wb") as file:
        file.write(b"id,name\n" * 32 * 1024)
        size = file.tell()
    os.remove("/tmp/export.csv")
    return {"bytes": size}
