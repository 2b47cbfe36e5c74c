"""Sends an order to a queue; the SDK tries again where it is not answered."""

import boto3


def handler(event, context):
    sqs = boto3.client("sqs")
    queue = sqs.get_queue_url(QueueName="orders")["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="order 1")
    return "sent"
