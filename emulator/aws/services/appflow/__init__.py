"""Amazon AppFlow with custom connectors: registry, connector profiles, entities, flows to S3 and their runs, tags."""

from __future__ import annotations

from typing import Any

from emulator.aws.modelled import ModelledService
from emulator.aws.services.appflow.service import AppFlow


def appflow_service(*given: Any, **named: Any) -> ModelledService:
    """What the endpoint serves as `appflow`; `.implementation` is the AppFlow. Parameters are AppFlow's."""
    return ModelledService("appflow", AppFlow(*given, **named))
