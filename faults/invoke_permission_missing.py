"""invoke_permission_missing: the statement that AddPermission should have made is not in the function's policy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from emulator.fault import Context, Fault
from emulator.model import Permission, Permit


@dataclass(frozen=True)
class InvokePermissionMissing(Fault):
    """The function's policy does not let the AWS service invoke it: API Gateway answers 500 and logs `Invalid
    permissions on Lambda function`; AppFlow and RotateSecret answer AccessDeniedException; a scheduled rule's run
    fails."""

    name: ClassVar[str] = "invoke_permission_missing"

    def on_permit(self, permit: Permit, proceed: Callable[[], Any], ctx: Context) -> Permission:
        """Without a look."""
        return Permission("denied")
