"""Half of the orders fail for five minutes, by AWS FIS."""

import json

import boto3

fis, functions = boto3.client("fis"), boto3.client("lambda")
template = fis.create_experiment_template(
    description="half of the orders fail",
    roleArn="arn:aws:iam::123456789012:role/fis",
    stopConditions=[{"source": "none"}],
    targets={"shop": {
        "resourceType": "aws:lambda:function", "selectionMode": "ALL",
        "resourceArns": ["arn:aws:lambda:us-east-1:123456789012:function:shop"],
    }},
    actions={"fail": {
        "actionId": "aws:lambda:invocation-error", "targets": {"Functions": "shop"},
        "parameters": {"duration": "PT5M", "invocationPercentage": "50", "preventExecution": "true"},
    }},
)["experimentTemplate"]
experiment = fis.start_experiment(experimentTemplateId=template["id"])["experiment"]
print(experiment["id"], experiment["state"]["status"])
for order in range(1, 7):
    answer = functions.invoke(FunctionName="shop", Payload=json.dumps({"order": order}))
    print(answer.get("FunctionError"), answer["Payload"].read().decode())
print(fis.get_experiment(id=experiment["id"])["experiment"]["actions"]["fail"]["state"])
