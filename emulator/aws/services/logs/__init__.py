"""CloudWatch Logs: functions' log lines, readable and searchable through boto3 `logs`."""

from emulator.aws.services.logs.store import LogStore

__all__ = ["LogStore"]
