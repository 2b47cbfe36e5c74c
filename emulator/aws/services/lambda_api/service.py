"""The Lambda service as the endpoint sees it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from emulator.aws.modelled import ModelledService, ServiceError
from emulator.aws.services.lambda_api.configuration import check_runtime
from emulator.aws.services.lambda_api.functions import FunctionOperations
from emulator.aws.services.lambda_api.invoke import Invoking, refusal
from emulator.aws.services.lambda_api.layers import LayerOperations
from emulator.aws.services.lambda_api.permissions import PermissionOperations
from emulator.aws.services.lambda_api.provisioned import ProvisionedOperations
from emulator.aws.services.lambda_api.settings import SettingOperations
from emulator.aws.services.lambda_api.shop import Shop
from emulator.aws.services.lambda_api.versions import VersionOperations
from emulator.aws.wire import WireRequest
from emulator.model import AwsCall, AwsReply

REQUEST_LIMIT = 70167211  # bytes, recorded on AWS


class Operations:
    """All of the control plane's operations, looked up among their families by name."""

    def __init__(self, shop: Shop, account_limit: int) -> None:
        layers = LayerOperations(shop)
        self._families = (
            FunctionOperations(shop, layers),
            VersionOperations(shop),
            PermissionOperations(shop),
            SettingOperations(shop, account_limit),
            ProvisionedOperations(shop, account_limit),
            layers,
        )

    def __getattr__(self, name: str) -> Any:
        for family in self.__dict__["_families"]:
            if hasattr(family, name):
                return getattr(family, name)
        raise AttributeError(name)


class LambdaService:
    """Implements the endpoint's Service: `Invoke` by its own path, the rest by botocore's model."""

    def __init__(self, operations: Operations, invoking: Invoking, runtimes: Callable[[], tuple[str, ...]]) -> None:
        self._control = ModelledService("lambda", operations)
        self._invoking, self._runtimes = invoking, runtimes

    def answer(self, call: AwsCall, request: WireRequest) -> AwsReply:
        if call.operation in ("Invoke", "InvokeAsync"):
            return self._invoking.answer(call, request)
        if len(request.body) > REQUEST_LIMIT:
            text = f"Request must be smaller than {REQUEST_LIMIT} bytes for the {call.operation} operation"
            return refusal(413, "RequestEntityTooLargeException", Message=text)
        if call.operation in ("CreateFunction", "UpdateFunctionConfiguration"):
            try:
                check_runtime((request.json or {}).get("Runtime"), self._runtimes())
            except ServiceError as error:
                return self._control.refuse(request, error)
        return self._control.answer(call, request)
