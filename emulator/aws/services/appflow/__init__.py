"""Amazon AppFlow with custom connectors: registry, connector profiles, entities, tags."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from emulator.aws.modelled import ModelledService
from emulator.aws.services.appflow.service import AppFlow
from emulator.clock import Clock
from emulator.model import Invoker


def appflow_service(
    invoker: Invoker, secrets: Callable[[], Any], clock: Clock, account: str, region: str
) -> ModelledService:
    """What the endpoint serves as `appflow`; `.implementation` is the AppFlow. Parameters as AppFlow's."""
    return ModelledService("appflow", AppFlow(invoker, secrets, clock, account, region))
