"""Secrets Manager and IAM behind an endpoint that remembers what was written, on a clock that stands still."""

import json
from dataclasses import dataclass, field

from botocore.exceptions import ClientError

from emulator.aws import internal
from emulator.aws.attribution import Attribution
from emulator.aws.authorization import Authorization
from emulator.aws.backend import Backend
from emulator.aws.consistency import Consistency
from emulator.aws.credentials import Keyring
from emulator.aws.endpoint import AwsEndpoint
from emulator.aws.services.secretsmanager import SecretsManager
from emulator.clock import Clock
from emulator.fault import Fault, Rule
from emulator.functions.registry import Registry
from emulator.injector import Injector
from emulator.scope import Match, When
from emulator.timeline import Timeline

ROLE = "arn:aws:iam::123456789012:role/crm"
GONE = "Secrets Manager can't find the specified secret."
TRUST = json.dumps({
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
})  # fmt: skip
GRANT = json.dumps({
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "secretsmanager:*", "Resource": "*"}],
})  # fmt: skip


@dataclass(frozen=True)
class Look(Fault):
    """Keeps every read, and lets it pass, or gives what it is told."""

    name = "look"
    reads: list = field(default_factory=list)
    gives: object = None

    def on_read(self, read, proceed, ctx):
        self.reads.append(read)
        return self.gives or proceed()


class ConsistentRig:
    """One rig a process: moto's state is the process's."""

    def __init__(self, seed=0):
        self.clock = Clock(manual=True)
        self.timeline = Timeline(self.clock)
        self.injector = Injector(self.clock, self.timeline, seed)
        self.attribution, self.backend = Attribution(seed), Backend(seed)
        self.consistency = Consistency(self.backend, self.injector, self.attribution, self.clock)
        self.attribution.moment = self.consistency.moment
        keyring = Keyring(self.backend, self.attribution, self.clock)
        authorization = Authorization(
            self.backend, keyring, Registry("123456789012", "us-east-1"), self.clock, "enforce", "123456789012"
        )
        authorization.gather = self.consistency.gather
        services = {"secretsmanager": SecretsManager(self.backend)}
        self.endpoint = AwsEndpoint(
            self.injector, self.attribution, self.backend, services, authorization, self.consistency
        )
        self.admin, self.iam = self.client(), self.client(service="iam")

    def client(self, access_key="", service="secretsmanager", region="us-east-1"):
        return internal.client(self.endpoint, service, access_key, region)

    def function(self, environment="crm/env-1", role=ROLE):
        """A client with the credentials of an environment that starts now, in its first invocation."""
        name, number = environment.split("/env-")
        key = self.attribution.issue(environment, name, role).access_key
        self.attribution.enter(key, f"{name}/inv-{number}")
        return self.client(key)

    def role(self, name="crm"):
        self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)

    def grant(self, name="crm", document=GRANT):
        self.iam.put_role_policy(RoleName=name, PolicyName="secrets", PolicyDocument=document)

    def arm(self, fault, when=When(), **match):  # noqa: B008 - frozen
        (armed,) = self.injector.arm([Rule(fault, Match(**match), when)])
        return armed

    def versions(self, name="db"):
        """The writes of a secret."""
        look = Look()
        (armed,) = self.injector.arm([Rule(look)])
        read(self.admin, name)
        self.injector.disarm([armed])
        return look.reads[-1].versions

    def events(self, point="read"):
        return [(event.subject, event.rule, event.outcome) for event in self.timeline.events() if event.point == point]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.injector.disarm()
        self.backend.reset()


def read(client, name="db", **more):
    """The secret's value, or the message of the refusal."""
    try:
        return client.get_secret_value(SecretId=name, **more)["SecretString"]
    except ClientError as error:
        return error.response["Error"]["Message"]
