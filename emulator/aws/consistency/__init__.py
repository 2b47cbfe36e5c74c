"""Eventual consistency of Secrets Manager and IAM: what each reader sees follows from the writes and the rig's clock.

`history` keeps what was written, `secrets` and `principals` know what of moto's objects that is; `consistent` asks the
rules at point `read` which version a reader is given, the newest unless one says otherwise; `shadow` answers from an
older one.
"""

from emulator.aws.consistency.consistent import Consistency

__all__ = ["Consistency"]
