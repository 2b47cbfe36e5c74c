"""How a rig that runs is asked: through its control plane, and through the AWS it serves."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import quote

from emulator.cli.common import client
from emulator.errors import RigError, UsageError, Verdict, one_line

THROTTLED = 429


def ask(port: int, method: str, *path: str, body: Any = None, timeout: float = 10) -> dict[str, Any]:
    """Ask a running rig's control plane. Raises RigError when none answers, UsageError when it refuses."""
    data = None if body is None else json.dumps(body).encode()
    where = "/".join(quote(part, safe="") for part in path)
    request = urllib.request.Request(f"http://127.0.0.1:{port}/_rig/{where}", data, method=method)
    request.add_header("Content-Type", "application/json")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=timeout) as answer:
            return _rigs(json.loads(answer.read()), port)
    except urllib.error.HTTPError as error:
        raise _refusal(error, port) from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise nobody(port, getattr(error, "reason", error)) from None


def nobody(port: int, reason: object) -> RigError:
    """There is no rig on the port."""
    return RigError(f"no rig answers on port {port}: {reason}", f"lambdarig up --port {port} --detach")


def _refusal(error: urllib.error.HTTPError, port: int) -> RigError:
    """As the control plane words it; anything else is somebody else's."""
    try:
        said = json.loads(error.read())
        message = f"{said['message']}" if said["error"] else ""
    except (OSError, ValueError, KeyError, TypeError):
        return _stranger(port)
    return RigError(message, said.get("mend") or "") if error.code >= 500 else UsageError(message)


def _rigs(answer: Any, port: int) -> dict[str, Any]:
    if not isinstance(answer, dict):
        raise _stranger(port)
    return answer


def _stranger(port: int) -> RigError:
    return RigError(f"what answers on port {port} is no rig", "lambdarig up --port 0 --detach takes a free port")


def aws(port: int, service: str, operation: str, **params: Any) -> Any:
    """A call of boto3 to the rig. Raises RigError, or what it is."""
    try:
        return getattr(client(port, service), operation)(**params)
    except Exception as error:
        raise problem_of(error, port) from None


def problem_of(error: Exception, port: int) -> RigError:
    """A boto3 error as ours: throttled (1), refused by the rig (2), failed inside it (3), or nobody there (3)."""
    from botocore.exceptions import ClientError, ConnectionError, HTTPClientError, ParamValidationError

    if isinstance(error, ClientError):
        said = error.response.get("Error", {})
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
        kind = RigError if status >= 500 else Verdict if status == THROTTLED else UsageError
        return kind(f"{said.get('Code')}: {said.get('Message')}")
    if isinstance(error, ParamValidationError):
        return UsageError(one_line(error))
    if isinstance(error, ConnectionError | HTTPClientError):
        return nobody(port, error)
    raise error
