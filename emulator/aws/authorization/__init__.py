"""IAM at the AWS endpoint: who may do what, decided by the policies that moto, the Lambda service and callers hold.

`Authorization` gathers them and asks `emulator.aws.iam.decide`; `needs` says what a call asks for, `resource_side` what
is attached to a resource, `context` the condition keys, `organization` the service control policies.
"""

from emulator.aws.authorization.authorizing import Authorization, Gather

__all__ = ["Authorization", "Gather"]
