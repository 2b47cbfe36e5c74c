"""Takes an order, as API Gateway sends it, and says which one it was and how much time was left when it began."""

import json

orders = []


def handler(event, context):
    left = context.get_remaining_time_in_millis()
    orders.append(event)
    return {"statusCode": 201, "body": json.dumps({"order": len(orders), "left": left})}
