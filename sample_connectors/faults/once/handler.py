"""Sends an order to a queue once, however often its event comes: all deliveries have the same request id."""

import boto3


def handler(event, context):
    sqs, done = boto3.client("sqs"), boto3.client("dynamodb")
    try:
        item = {"id": {"S": context.aws_request_id}}
        done.put_item(TableName="done", Item=item, ConditionExpression="attribute_not_exists(id)")
    except done.exceptions.ConditionalCheckFailedException:
        return "sent before"
    queue = sqs.get_queue_url(QueueName="orders")["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="order 2")
    return "sent"
