"""May AppFlow read a bucket, or write to it? Only the bucket's own policy can say so (AppFlow user guide: bucket
policies for Amazon AppFlow)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from emulator.aws.authorization.context import Context
from emulator.aws.authorization.needs import Need
from emulator.aws.authorization.resource_side import ResourceSide
from emulator.aws.iam.decide import Decision, Policies, decide
from emulator.aws.iam.request import Principal, Request
from emulator.model import AwsCall

APPFLOW = "appflow.amazonaws.com"
_RUN = re.compile(r"(?P<flow>.+)/run-\d+/.+")


class Refused(NamedTuple):
    """What was needed, and how it was decided."""

    need: Need
    decision: Decision


class BucketPolicies:
    """name: tells, once for each first argument, what is not decided."""

    def __init__(self, side: ResourceSide, account: str, name: Callable[[str, str], None]) -> None:
        self._side, self._account, self._name = side, account, name

    def refused(self, call: AwsCall, needed: Iterator[Need], keys: Context, strict: bool) -> Refused | None:
        """The first need that the bucket does not grant. strict: a bucket without a policy grants nothing, as on AWS;
        else it is not decided."""
        if call.caller.arn != APPFLOW or call.service != "s3":
            return None
        given = {**keys, **self._source(call), "aws:PrincipalIsAWSService": "true", "aws:PrincipalServiceName": APPFLOW}
        for need in needed:
            policies = self._side.find(need.action, need.resource).policies
            if not policies and not strict:
                bucket = need.resource.partition("/")[0]
                self._name(f"bucket {bucket}", f"{bucket} has no policy: what AppFlow may do with it is not decided")
                continue
            request = Request(Principal(APPFLOW), need.action, need.resource, given, self._account)
            if not (decision := decide(request, Policies(resource=policies))).allowed:
                return Refused(need, decision)
        return None

    def _source(self, call: AwsCall) -> Context:
        """Whose call it is: a run's name has its flow; while a flow is made it has no name yet that S3 hears of."""
        run = _RUN.fullmatch(call.id)
        flow = run["flow"] if run else "*"
        source = f"arn:aws:appflow:{call.region}:{self._account}:flow/{flow}"
        return {"aws:SourceArn": source, "aws:SourceAccount": self._account}
