"""Says goodbye to its database and waits for the answer, as a driver's graceful close does."""

import os
import socket
from urllib.parse import urlsplit


def handler(event, context):
    url = urlsplit(os.environ["DATABASE_URL"])
    with socket.create_connection((url.hostname, url.port)) as connection:
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(1024):
            pass
    return "closed"
