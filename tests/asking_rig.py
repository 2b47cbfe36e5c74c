"""A connector as a run of a flow asks it, in front of the rig's rules."""

import json
import threading

from appflow_rig import ARN, OK, Connector

from emulator.clock import Clock
from emulator.fault import Rule
from emulator.flows.asking import Asking
from emulator.frontdoors.appflow import ConnectorCalls, Context
from emulator.injector import Injector
from emulator.scope import Match, When
from emulator.timeline import Timeline

ALWAYS = When()


class Asked:
    """`asking` is what a run has; `lints` what the connector's author is told; `renewals` how often new credentials
    were wanted, `renews` whether there are some."""

    def __init__(self, data_limit_s=30.0):
        self.clock, self.connector = Clock(manual=True), Connector()
        self.timeline = Timeline(self.clock)
        self.injector = Injector(self.clock, self.timeline)
        self.lints, self.renewals, self.renews = [], 0, False
        calls = ConnectorCalls(self.connector, self.clock, self._lint, data_limit_s=data_limit_s)
        context = Context(api_version="v1", flow_name="contacts", profile="acme", execution_id="e-1")
        self.canceled = threading.Event()
        self.asking = Asking(
            calls, self.injector, ARN, "Contact", context, "contacts/run-1", self.canceled, self._renew
        )

    def _lint(self, arn, kind, problems):
        self.lints += [f"{kind}: {problem}" for problem in problems]

    def _renew(self):
        self.renewals += 1
        return self.renews

    def says(self, **answers):
        """By kind of request: an answer, or what makes one of a request."""
        self.connector.answers |= answers

    def arm(self, fault, when=ALWAYS, **where):
        self.injector.arm([Rule(fault, Match(**where), when)])

    def events(self):
        return [(event.subject, event.point, event.rule, event.outcome) for event in self.timeline.events()]


def page(*records, token=None):
    """QueryData's answer."""
    return {**OK, "records": [json.dumps(record) for record in records], "nextToken": token}


def refusal(code, message="no", after=None):
    """An answer with error details. after: retryAfterSeconds."""
    details = {"errorCode": code, "errorMessage": message, "retryAfterSeconds": after}
    return {"isSuccess": False, "errorDetails": details}


def in_turn(*answers):
    """The first answer first; the last one ever after."""
    left = list(answers)
    return lambda request: left.pop(0) if len(left) > 1 else left[0]
