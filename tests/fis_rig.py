"""A rig with two functions and boto3's `fis`, and templates of experiments on them."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from emulator.pytest_plugin import PytestRig
from emulator.rig import Rig
from emulator.settings import Settings

HANDLER = "def handler(event, context):\n    return context.get_remaining_time_in_millis()\n"
ROLE = "arn:aws:iam::123456789012:role/fis"
DELAY, ERROR = "aws:lambda:invocation-add-delay", "aws:lambda:invocation-error"
RESPONSE, WAIT = "aws:lambda:invocation-http-integration-response", "aws:fis:wait"


class Lab:
    """A rig with functions, and boto3's `fis`."""

    def __init__(self, rig, folder):
        self.rig, self.fis, self.api = rig, rig.client("fis"), rig.client("lambda")
        self.begin(folder)

    def begin(self, folder):
        self.arns = {
            name: self.rig.function(name, folder, "handler.handler", timeout=5) for name in ("orders", "crm")
        }

    def target(self, *names, mode="ALL", **more):
        found = {"resourceArns": [self.arns.get(name, name) for name in names]} if names else {}
        return {"resourceType": "aws:lambda:function", "selectionMode": mode, **found, **more}

    def wanted(self, actions=None, **changes):
        """CreateExperimentTemplate's parameters; a change of None takes one away."""
        params = {
            "description": "chaos", "roleArn": ROLE, "stopConditions": [{"source": "none"}],
            "targets": {"fns": self.target("orders")}, "actions": {"broken": action()},
            **changes, **({"actions": actions} if actions is not None else {}),
        }
        return {key: value for key, value in params.items() if value is not None}

    def template(self, actions=None, **changes):
        """An ExperimentTemplate."""
        return self.fis.create_experiment_template(**self.wanted(actions, **changes))["experimentTemplate"]

    def start(self, actions=None, options=None, **changes):
        """Id of a running experiment."""
        more = {"experimentOptions": {"actionsMode": options}} if options else {}
        made = self.template(actions, **changes)
        return self.fis.start_experiment(experimentTemplateId=made["id"], **more)["experiment"]["id"]

    def state(self, experiment):
        return self.fis.get_experiment(id=experiment)["experiment"]["state"]["status"]

    def states(self, experiment):
        actions = self.fis.get_experiment(id=experiment)["experiment"]["actions"]
        return {name: one["state"]["status"] for name, one in actions.items()}

    def resolved(self, experiment):
        rows = self.fis.list_experiment_resolved_targets(experimentId=experiment)["resolvedTargets"]
        return [row["targetInformation"]["arn"] for row in rows]

    def fails(self, name="orders"):
        return self.rig.invoke(name).error == "Unhandled"

    def in_force(self):
        return [armed.rule.label for armed in self.rig.injector.armed() if not armed.over]


def action(kind=ERROR, target="fns", after=(), lasts="PT1M", **parameters):
    """An action of a template."""
    made = {"actionId": kind, "parameters": {"duration": lasts, **parameters}}
    made |= {"targets": {"Functions": target}} if target else {}
    return made | ({"startAfter": list(after)} if after else {})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("code")
    (made / "handler.py").write_text(HANDLER)
    return made


@pytest.fixture(scope="module")
def _lab(folder):
    with Rig(Settings(engine="inline", manual_clock=True)) as rig:
        yield Lab(PytestRig(rig), folder)


@pytest.fixture
def lab(_lab, folder):
    """Two functions, and nothing else."""
    _lab.rig.reset()
    _lab.begin(folder)
    return _lab


def refusal(call, **params):
    """(code, HTTP status, message)"""
    with pytest.raises(ClientError) as refused:
        call(**params)
    response = refused.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Message"]
