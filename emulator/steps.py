"""The kinds of steps a scenario can take, and what each gives."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from emulator import building
from emulator.errors import FileProblem, RigError, UsageError, one_line
from emulator.files import AwsStep, HttpStep, InvokeStep
from emulator.rig import Rig

_BOTO3_KEYS = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
PATIENCE_S = 1000  # for an answer over HTTP: API Gateway gives up long before


class Steps:
    """made: what steps can refer to; it grows by what they give."""

    def __init__(self, rig: Rig, file: Path, made: dict[str, Any]) -> None:
        self._rig, self._file, self._made = rig, file, made
        self._clients: dict[Any, Any] = {}

    def filled(self, value: Any) -> Any:
        """References replaced by what they lead to."""
        return building.resolve(value, self._made)

    def invoke(self, step: InvokeStep) -> dict[str, Any]:
        """`lambda.invoke`: status, function_error, payload, log (the last 4 KB); or error."""
        payload = json.dumps(self.filled(step.payload))
        params = {"FunctionName": self.filled(step.function), "Payload": payload, "LogType": "Tail"}
        params |= {"Qualifier": step.qualifier} if step.qualifier else {}
        answer = self.aws(AwsStep.model_validate({"service": "lambda", "operation": "invoke", "with": params}))
        if answer.keys() == {"error"}:
            return answer
        return {
            "status": answer["StatusCode"],
            "function_error": answer.get("FunctionError"),
            "payload": _json(answer["Payload"]),
            "log": base64.b64decode(answer.get("LogResult", "")).decode(errors="replace"),
        }

    def aws(self, step: AwsStep) -> dict[str, Any]:
        """boto3's answer as JSON; or error with code, message and, where there was an answer, status."""
        from botocore.exceptions import BotoCoreError, ClientError, ConnectionClosedError

        try:
            api = self._client(step)
            operation = api.meta.service_model.operation_model(api.meta.method_to_api_mapping[step.operation])
            params = _texts(self.filled(step.parameters), operation.input_shape)
            return _plain(getattr(api, step.operation)(**params))
        except ClientError as error:
            return {"error": _refusal(error)}
        except ConnectionClosedError as error:
            return {"error": {"code": type(error).__name__, "message": one_line(error)}}
        except (BotoCoreError, TypeError, ValueError, AttributeError) as error:  # some types botocore does not check
            raise FileProblem(self._file, f"aws {step.service}.{step.operation}", one_line(error)) from None

    def _client(self, step: AwsStep) -> Any:
        """A client is dear to make, so one serves all steps of its service, region and credentials."""
        from emulator.aws.internal import client

        region = step.region or self._rig.settings.region
        given = None if step.credentials is None else _keys(self.filled(step.credentials))
        wanted = (step.service, region, given)
        if wanted not in self._clients:
            keys = dict(zip(_BOTO3_KEYS, given, strict=True)) if given else None
            self._clients[wanted] = client(self._rig.endpoint, step.service, region=region, keys=keys)
        return self._clients[wanted]

    def http(self, step: HttpStep) -> dict[str, Any]:
        """status, headers (names in lower case), body, json; or error where the host has no name."""
        import requests

        path = self.filled(step.path)
        body = None if step.body is None else building.filled(step.body, self._made)
        try:
            url, host = self._address(step, path)
            if host and not self._rig.gateway.resolves(host):
                return {"error": {"code": "NameResolutionError", "message": f"Could not resolve host: {host}"}}
            request = requests.Request(
                step.method, url, headers=self.filled(step.headers), json=self.filled(step.data),
                data=None if body is None else body.encode(),
            ).prepare()
            if step.sign is not None:
                _sign(request, _keys(self.filled(step.sign)), host)
            if host:
                request.headers["Host"] = host
                rest = urlsplit(request.url or "")
                request.url = f"{self._rig.url}{rest.path}" + (f"?{rest.query}" if rest.query else "")
            with requests.Session() as session:
                session.trust_env = False
                answer = session.send(request, timeout=PATIENCE_S, allow_redirects=False)
        except (requests.RequestException, ValueError) as error:
            raise FileProblem(self._file, f"http {step.method} {path}", one_line(error)) from None
        headers = {name.lower(): value for name, value in answer.headers.items()}
        text = answer.content.decode("utf-8", errors="replace")
        return {"status": answer.status_code, "headers": headers, "body": text, "json": _json(text)}

    def _address(self, step: HttpStep, path: str) -> tuple[str, str]:
        """The URL to ask, and its host where that needs a name. A signature is over API Gateway's own address."""
        if step.url is not None:
            url = building.filled(step.url, self._made)
            return url, urlsplit(url).hostname or ""
        api = self._made["apis"][step.api]
        if step.sign is None:
            return f"{self._rig.url}{api['path']}{path}", ""
        return f"{api['url']}{path}", urlsplit(api["url"]).netloc


def _keys(given: Any) -> tuple[str, str, str | None]:
    """Access key, secret key and token of credentials as STS or Cognito gave them."""
    held = given if isinstance(given, Mapping) else {}
    key, secret = held.get("AccessKeyId"), held.get("SecretAccessKey") or held.get("SecretKey")
    token = held.get("SessionToken")
    if not (isinstance(key, str) and isinstance(secret, str) and isinstance(token, str | None)):
        raise UsageError("credentials are texts: AccessKeyId, SecretAccessKey and perhaps SessionToken")
    return key, secret, token


def _sign(request: Any, keys: tuple[str, str, str | None], host: str) -> None:
    """As a client of API Gateway does; the region is the one in the address."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    region = host.split(".")[2] if host.count(".") > 2 else ""
    signed = AWSRequest(request.method, request.url, data=request.body or b"", headers={"Host": host})
    SigV4Auth(Credentials(*keys), "execute-api", region).add_auth(signed)
    request.headers.update(dict(signed.headers))


def _texts(params: dict[str, Any], shape: Any) -> dict[str, Any]:
    """A mapping where AWS takes a text (a policy document) becomes JSON."""
    members = shape.members if shape else {}
    return {
        name: json.dumps(value)
        if isinstance(value, dict | list) and name in members and members[name].type_name == "string"
        else value
        for name, value in params.items()
    }


def _refusal(error: Any) -> dict[str, Any]:
    """What AWS answered, from boto3's ClientError. Raises RigError for what the rig itself got wrong."""
    said, about = error.response["Error"], error.response["ResponseMetadata"]
    if "x-lambdarig-error" in about["HTTPHeaders"]:
        raise RigError(said["Message"].removeprefix("lambdarig: "))
    return {"code": said["Code"], "message": said["Message"], "status": about["HTTPStatusCode"]}


def _plain(result: dict[str, Any]) -> dict[str, Any]:
    """What boto3 gave, as JSON: times and binary become texts."""
    plain: dict[str, Any] = json.loads(json.dumps(result, default=_text))
    return plain


def _text(value: Any) -> str:
    value = value.read() if hasattr(value, "read") else value
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else str(value)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
