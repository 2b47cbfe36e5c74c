"""Frozen values that pass between the parts. No I/O, no behaviour beyond reading themselves.

A *subject* is what a fault can strike: it has a stable `id`, and `attributes()` in the words of `Match`.
`ALTERABLE` names the fields that a fault may alter on the way (`proceed(replace(subject, ...))`). A *reply* is what
`proceed` gives back at a point: it has a `verdict`, one word for the timeline.
"""

from emulator.model.aws import AwsCall, AwsError, AwsReply, Caller, Held
from emulator.model.flows import Queried, Query, RecordResult, Write, Written
from emulator.model.functions import (
    ON_DEMAND,
    PROVISIONED,
    Answer,
    ColdStart,
    Delivery,
    Function,
    Invocation,
    Invoker,
    Limits,
    Outcome,
    Permission,
    Permit,
    Reuse,
    Started,
    Warm,
)
from emulator.model.hosts import (
    Certificate,
    Chunks,
    Connection,
    Handshake,
    Line,
    Link,
    NameQuery,
    Release,
    Resolved,
    Shape,
    UpstreamCall,
    UpstreamReply,
    UpstreamReset,
)
from emulator.model.passing import Reply, Subject
from emulator.model.requests import HttpCall, HttpReply

__all__ = [
    "ON_DEMAND",
    "PROVISIONED",
    "Answer",
    "AwsCall",
    "AwsError",
    "AwsReply",
    "Caller",
    "Certificate",
    "Chunks",
    "ColdStart",
    "Connection",
    "Delivery",
    "Function",
    "Handshake",
    "Held",
    "HttpCall",
    "HttpReply",
    "Invocation",
    "Invoker",
    "Limits",
    "Line",
    "Link",
    "NameQuery",
    "Outcome",
    "Permission",
    "Permit",
    "Queried",
    "Query",
    "RecordResult",
    "Release",
    "Reply",
    "Resolved",
    "Reuse",
    "Shape",
    "Started",
    "Subject",
    "UpstreamCall",
    "UpstreamReply",
    "UpstreamReset",
    "Warm",
    "Write",
    "Written",
]
