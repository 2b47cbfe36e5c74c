"""May an AWS service invoke a function? Its own policy (AddPermission) says so, and a fault may deny it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from operator import is_not
from typing import Any

from emulator.aws.authorization.resource_side import function_policy
from emulator.aws.iam.decide import Policies, decide
from emulator.aws.iam.request import Principal, Request
from emulator.functions.registry import Entry, Registry, Unresolved
from emulator.injector import Injector
from emulator.model import Permission, Permit

INVOKE = "lambda:InvokeFunction"
KEPT = 1000  # decisions
# Origins of what services invoke; Secrets Manager waits for the answer as any caller of Invoke does.
ORIGINS = {
    "apigateway.amazonaws.com": "apigateway",
    "appflow.amazonaws.com": "appflow",
    "events.amazonaws.com": "event",
}


class FunctionPolicies:
    """Every look passes the point `permit`, where an injector is given. Thread-safe."""

    def __init__(self, functions: Registry, injector: Injector | None) -> None:
        self._functions, self._injector = functions, injector
        self._lock = threading.Lock()
        self._looks: Counter[str] = Counter()
        self._known: dict[tuple[str, ...], tuple[tuple[Any, ...], bool]] = {}

    def clear(self) -> None:
        """Count the looks from 1 again."""
        with self._lock:
            self._looks.clear()
            self._known.clear()

    def allow(
        self, function: str, qualifier: str, principal: str, source_arn: str, source_account: str, decided: bool
    ) -> bool:
        """decided: the policy is looked at; else only a fault can deny. True for a function that does not exist."""
        try:
            entry, _, wanted = self._functions.version(function, qualifier)
        except Unresolved:
            return True
        given = {"aws:SourceArn": source_arn, "aws:SourceAccount": source_account}

        def allowed() -> bool:
            return not decided or self._allows(entry, wanted, principal, given)

        name = entry.latest.function.name
        number = self._next_look(name)
        if self._injector is None or not self._injector.hooked("permit"):
            return allowed()
        permit = Permit(f"{name}/permit-{number}", name, principal, source_arn, ORIGINS.get(principal, "lambda"))
        passage = self._injector.pass_through(
            "permit", permit, lambda _: Permission("allowed" if allowed() else "denied"), quiet=True
        )
        return passage.reply.verdict == "allowed"

    def _next_look(self, name: str) -> int:
        with self._lock:
            self._looks[name] += 1
            return self._looks[name]

    def _allows(self, entry: Entry, qualifier: str, principal: str, given: Mapping[str, str]) -> bool:
        """Decided anew when the policy has changed: a tenth of a millisecond that most requests can do without."""
        arn = entry.latest.function.arn + (f":{qualifier}" if qualifier else "")
        key, statements = (arn, principal, *given.values()), tuple(entry.policy.get(qualifier, ()))
        known, allowed = self._known.get(key, ((), None))
        if allowed is None or len(known) != len(statements) or any(map(is_not, known, statements)):
            keys = {name: value for name, value in given.items() if value} | {"aws:PrincipalIsAWSService": "true"}
            request = Request(Principal(principal), INVOKE, arn, keys)
            allowed = decide(request, Policies(resource=function_policy(statements))).allowed
            if len(self._known) > KEPT:
                self._known.clear()
            self._known[key] = statements, allowed
        return allowed
