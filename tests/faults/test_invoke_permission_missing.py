import pytest
from botocore.exceptions import ClientError
from doors import Doors

from emulator.fault import parameters
from emulator.pytest_plugin import PytestRig
from emulator.rig import Rig
from emulator.settings import Settings
from faults.invoke_permission_missing import InvokePermissionMissing

COUNTS = "runs = []\ndef handler(event, context):\n    runs.append(1)\n    return {'body': str(len(runs))}\n"
REFUSED = (500, '{"message": "Internal server error"}')


@pytest.fixture
def doors(inline_rig, write_handler):
    inline_rig.function("orders", write_handler(COUNTS), "handler.handler")
    return Doors(inline_rig)


def looks(rig):
    return [(e.subject, e.rule, e.outcome) for e in rig.timeline.events() if e.point == "permit"]


def test_it_has_no_parameters():
    assert parameters(InvokePermissionMissing) == {}


def test_api_gateway_is_not_let_in(real_rig, write_handler):
    real_rig.function("orders", write_handler(COUNTS), "handler.handler")
    doors = Doors(real_rig)
    with real_rig.fault("invoke_permission_missing") as armed:
        assert doors.get() == REFUSED
    assert (armed.strikes, doors.ran()) == (1, [])
    assert doors.logged() == [
        "Execution failed due to configuration error: Invalid permissions on Lambda function",
        "Method completed with status: 500",
    ]
    assert doors.get() == (200, "1")


def test_looks_are_numbered_whether_or_not_the_policy_was_looked_at_before(doors):
    assert [doors.get() for _ in range(2)] == [(200, "1"), (200, "2")]
    with doors.rig.fault("invoke_permission_missing", when={"after": 1, "times": 1}):
        assert [doors.get() for _ in range(3)] == [(200, "3"), REFUSED, (200, "4")]
    assert looks(doors.rig) == [("orders/permit-4", "invoke_permission_missing", "denied")]
    doors.rig.reset()
    assert doors.rig.authorization.may_invoke("orders"), "whoever invokes what is not there will be told"
    assert looks(doors.rig) == []


def test_after_a_reset_they_are_numbered_from_one(doors, write_handler):
    doors.get()
    doors.rig.reset()
    doors.rig.function("orders", write_handler(COUNTS, "again"), "handler.handler")
    again = Doors(doors.rig)
    with doors.rig.fault("invoke_permission_missing"):
        assert again.get() == REFUSED
    assert [subject for subject, *_ in looks(doors.rig)] == ["orders/permit-1"]


def test_without_iam_too(write_handler):
    with Rig(Settings(engine="inline", manual_clock=True, iam="off")) as rig:
        PytestRig(rig).function("orders", write_handler(COUNTS), "handler.handler")
        doors = Doors(rig)
        with rig.fault("invoke_permission_missing"):
            assert doors.get() == REFUSED
        assert doors.get() == (200, "1")


def test_appflow_is_not_let_in(doors):
    with doors.rig.fault("invoke_permission_missing", match={"caller": "appflow.amazonaws.com"}):
        code, message = doors.connect()
    assert code == "AccessDeniedException"
    assert message.startswith("User: appflow.amazonaws.com is not authorized to perform: lambda:InvokeFunction on")


def test_a_scheduled_rule_fails(doors):
    events, permission = doors.aws("events"), {"Action": "lambda:InvokeFunction", "Principal": "events.amazonaws.com"}
    doors.aws("lambda").add_permission(FunctionName="orders", StatementId="events", **permission)
    events.put_rule(Name="ping", ScheduleExpression="rate(5 minutes)")
    events.put_targets(Rule="ping", Targets=[{"Id": "t", "Arn": doors.arn}])
    with doors.rig.fault("invoke_permission_missing", match={"origin": "event"}):
        doors.later(300)
    doors.later(300)
    outcomes = [e.outcome for e in doors.rig.timeline.events() if e.subject.startswith("events/")]
    assert (outcomes, doors.ran()) == (["failed_invocation"], [("orders/inv-1", "ok")])


def test_a_rotation_is_refused(doors):
    secrets = doors.aws("secretsmanager")
    arn = secrets.create_secret(Name="db", SecretString="old")["ARN"]
    principal = "secretsmanager.amazonaws.com"
    doors.aws("lambda").add_permission(
        FunctionName="orders", StatementId="rotate", Action="lambda:InvokeFunction", Principal=principal,
    )  # fmt: skip
    with doors.rig.fault("invoke_permission_missing", match={"caller": principal, "origin": "lambda"}), \
            pytest.raises(ClientError, match="Secrets Manager cannot invoke the specified Lambda function"):
        secrets.rotate_secret(SecretId=arn, RotationLambdaARN=doors.arn)


def test_others_are_let_in(doors):
    with doors.rig.fault("invoke_permission_missing", match={"function": "other"}, optional=True) as armed:
        assert doors.get() == (200, "1")
        assert doors.rig.invoke("orders").payload == {"body": "2"}, "who calls Invoke is not looked for there"
    assert armed.strikes == 0
