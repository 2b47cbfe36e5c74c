import json

import pytest
from contact_flows import Contacts
from doors import Doors

from emulator.errors import FileProblem, Verdict
from emulator.fault import parameters
from faults.delivered_twice import DeliveredTwice

QUEUE = '''
import json
import boto3

def handler(event, context):
    sqs = boto3.Session().client("sqs")
    queue = sqs.get_queue_url(QueueName="orders")["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody=json.dumps([event, context.aws_request_id]))
    return "sent"
'''
COUNTS = "runs = []\ndef handler(event, context):\n    runs.append(1)\n    return len(runs)\n"
SENT = "orders/inv-1/sqs.SendMessage#"


@pytest.fixture
def counting(inline_rig, write_handler):
    inline_rig.function("orders", write_handler(COUNTS), "handler.handler")
    return inline_rig


def test_its_parameters():
    assert {name: row["default"] for name, row in parameters(DeliveredTwice).items()} == {"deliveries": 2}


def test_the_same_event_comes_twice_with_the_same_request_id(real_rig, write_handler):
    real_rig.function("orders", write_handler(QUEUE), "handler.handler", memory=512, timeout=20)
    sqs = real_rig.client("sqs")
    queue = sqs.create_queue(QueueName="orders")["QueueUrl"]
    with real_rig.fault("delivered_twice") as armed:
        Doors(real_rig).send()
    bodies = [json.loads(m["Body"]) for m in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=9)["Messages"]]
    assert (len(bodies), bodies[0], armed.strikes) == (2, bodies[1], 1)
    assert [e.subject for e in real_rig.timeline.events() if "SendMessage" in e.subject] == [f"{SENT}1", f"{SENT}2"]


def test_a_synchronous_caller_is_spared_unless_it_is_meant(counting):
    with counting.fault("delivered_twice", optional=True) as armed:
        assert (counting.invoke("orders").payload, armed.strikes) == (1, 0)
    with pytest.raises(Verdict, match="never struck"), counting.fault("delivered_twice"):
        counting.invoke("orders")
    with counting.fault("delivered_twice", match={"origin": "lambda"}):
        assert counting.invoke("orders").payload == 4, "the second delivery's answer"


def test_a_batch_that_a_flow_writes_is_in_the_crm_twice(real_rig):
    contacts = Contacts(real_rig).writing()
    with real_rig.fault("delivered_twice", match={"origin": "appflow"}) as armed:
        assert contacts.run() == ("Successful", 3, 0, "")
    assert contacts.written() == [f"Person {number}" for number in (1, 1, 2, 2, 3, 3)]
    assert (armed.strikes, contacts.struck()) == (1, [("crm/inv-5", "invoke", "ok")])


def test_a_batch_is_written_twice_but_once_where_the_connector_finds_the_row(inline_rig):
    contacts = Contacts(inline_rig).writing(writeOperationType="UPSERT", idFieldNames=["Id"])
    with inline_rig.fault("delivered_twice", match={"origin": "appflow"}):
        assert contacts.run() == ("Successful", 3, 0, "")
    assert contacts.written() == ["Person 1", "Person 2", "Person 3"]


def test_a_page_that_the_connector_gives_twice_arrives_once(inline_rig):
    contacts = Contacts(inline_rig).reading()
    with inline_rig.fault("delivered_twice", match={"origin": "appflow"}) as armed:
        assert contacts.run() == ("Successful", 6, 0, "")
    assert (contacts.ids(), armed.strikes) == (["c1", "c2", "c3", "c4", "c5", "c6"], 3)


def test_as_often_as_it_says_and_for_as_many_events(counting):
    doors = Doors(counting)
    with counting.fault("delivered_twice", deliveries=3, when={"after": 1, "times": 1}):
        for _ in range(3):
            doors.send()
    assert counting.invoke("orders").payload == 1 + 3 + 1 + 1


def test_disarmed_it_leaves_nothing(counting):
    with counting.fault("delivered_twice"):
        Doors(counting).send()
    Doors(counting).send()
    assert counting.invoke("orders").payload == 4


def test_an_event_that_is_throttled_has_not_been_delivered(counting):
    doors = Doors(counting)
    with counting.fault("delivered_twice"), counting.fault("function_throttled", when={"times": 1}):
        doors.send()
        assert doors.ran() == [("orders/inv-1", "throttled")]
        doors.later(1)
    assert counting.invoke("orders").payload == 3


def test_a_retry_is_numbered_on_too(inline_rig, write_handler):
    source = QUEUE.replace('return "sent"', "raise ValueError")
    inline_rig.function("orders", write_handler(source), "handler.handler", timeout=20)
    inline_rig.client("sqs").create_queue(QueueName="orders")
    Doors(inline_rig).send()
    Doors(inline_rig).later(60)
    assert [e.subject for e in inline_rig.timeline.events() if "Send" in e.subject] == [f"{SENT}1", f"{SENT}2"]


def test_once_is_not_twice(counting):
    with pytest.raises(FileProblem, match="must be 2 or more"), counting.fault("delivered_twice", deliveries=1):
        pass
