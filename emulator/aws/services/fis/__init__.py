"""AWS FIS for Lambda: experiment templates, experiments that arm rules in the injector, the actions there are, tags."""

from __future__ import annotations

from emulator.aws.modelled import ModelledService
from emulator.aws.services.fis.service import Fis

__all__ = ["Fis", "fis_service"]


def fis_service(fis: Fis) -> ModelledService:
    """What the endpoint serves as `fis`; `.implementation` is the Fis."""
    return ModelledService("fis", fis)
