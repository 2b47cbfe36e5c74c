"""IAM that decides: policy documents, requests and the sentence of a refusal. Values and pure functions.

`decide(Request, Policies) -> Decision`; `simulate` has SimulateCustomPolicy and SimulatePrincipalPolicy; `principals`
alone knows moto.
"""

from emulator.aws.iam.decide import Decision, Policies, decide
from emulator.aws.iam.policy import Policy, PolicyError, PolicyType, parse
from emulator.aws.iam.request import Principal, Request

__all__ = ["Decision", "Policies", "Policy", "PolicyError", "PolicyType", "Principal", "Request", "decide", "parse"]
