"""A rig on the inline engine with a REST API of its own, callers to sign for, and the API's logs."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import boto3
import urllib3
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from emulator.rig import Rig

ACCOUNT, REGION, MASKED = "123456789012", "us-east-1", "********9012"
ANY_EXECUTE = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*"}


def document(*statements) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@dataclass
class Api:
    """A deployed API (stage dev) before the function `orders`, which may be invoked by it. host: its AWS name."""

    rig: Rig
    folder: str
    id: str = ""
    resources: dict = field(default_factory=dict)

    def make(self, *routes, policy=None, key=False, permitted=True, **options) -> Api:
        """routes: `GET /orders/{id}`, or with authorization: `AWS_IAM GET /orders`."""
        self._function(permitted)
        more = {"policy": document(*policy)} if policy else {}
        self.id = self.aws("apigateway").create_rest_api(name="shop", **more)["id"]
        root = self.aws("apigateway").get_resources(restApiId=self.id)["items"][0]["id"]
        self.resources = {"/": root}
        for route in routes or ("GET /orders/{id}",):
            *authorization, method, path = route.split(" ")
            self.route(method, path, (authorization or ["NONE"])[0], key, **options)
        self.deploy()
        return self

    def aws(self, service, region=REGION):
        return boto3.client(
            service, region, endpoint_url=self.rig.url, aws_access_key_id="x", aws_secret_access_key="x"
        )

    def _function(self, permitted) -> None:
        api = self.aws("lambda")
        api.create_function(
            FunctionName="orders", Runtime="python3.11", Role=f"arn:aws:iam::{ACCOUNT}:role/orders",
            Handler="handler.handler", Code={"S3Bucket": "hot-reload", "S3Key": self.folder},
        )
        if permitted:
            self.permit(f"arn:aws:execute-api:{REGION}:{ACCOUNT}:*")

    def permit(self, source_arn) -> None:
        self.aws("lambda").add_permission(
            FunctionName="orders", StatementId="api", Action="lambda:InvokeFunction",
            Principal="apigateway.amazonaws.com", SourceArn=source_arn,
        )

    def route(self, method, path, authorization="NONE", key=False, **integration) -> None:
        at = {"restApiId": self.id, "resourceId": self._resource(path), "httpMethod": method}
        function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:orders"
        uri = f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{function}/invocations"
        api = self.aws("apigateway")
        api.put_method(**at, authorizationType=authorization, apiKeyRequired=key)
        given = {"type": "AWS_PROXY", "integrationHttpMethod": "POST", "uri": uri} | integration
        api.put_integration(**at, **given)

    def _resource(self, path) -> str:
        if path not in self.resources:
            parent, _, part = path.rpartition("/")
            made = self.aws("apigateway").create_resource(
                restApiId=self.id, parentId=self._resource(parent or "/"), pathPart=part
            )
            self.resources[path] = made["id"]
        return self.resources[path]

    def deploy(self, stage="dev") -> None:
        self.aws("apigateway").create_deployment(restApiId=self.id, stageName=stage)

    # --- requests ---

    @property
    def host(self) -> str:
        return f"{self.id}.execute-api.{REGION}.amazonaws.com"

    def send(self, path, method="GET", headers=None, body=None, host=""):
        sent = {"Host": host or self.host, **(headers or {})}
        return urllib3.request(method, self.rig.url + path, headers=sent, body=body, retries=False)

    def signed(self, path, credentials, method="GET", body=None, **scope):
        """Sent as botocore signs it for the API's AWS name."""
        headers = self.signed_headers(path, credentials, method, body, **scope)
        return self.send(path, method, headers, body, scope.get("host", ""))

    def signed_headers(
        self, path, credentials, method="GET", body=None, region=REGION, service="execute-api", host=""
    ):
        request = AWSRequest(method, f"https://{host or self.host}{path}", data=body)
        SigV4Auth(credentials, service, region).add_auth(request)
        return dict(request.headers.items())

    def presigned(self, path, credentials):
        request = AWSRequest("GET", f"https://{self.host}{path}")
        SigV4QueryAuth(credentials, "execute-api", REGION).add_auth(request)
        return self.send(request.url.removeprefix(f"https://{self.host}"))

    # --- callers ---

    def user(self, name="ada", *statements) -> Credentials:
        iam = self.aws("iam")
        iam.create_user(UserName=name)
        if statements:
            iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document(*statements))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return Credentials(key["AccessKeyId"], key["SecretAccessKey"])

    def session(self, role="caller", *statements, name="web", **more) -> Credentials:
        trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
        self.aws("iam").create_role(RoleName=role, AssumeRolePolicyDocument=document(trust))
        if statements:
            self.aws("iam").put_role_policy(RoleName=role, PolicyName="p", PolicyDocument=document(*statements))
        arn = f"arn:aws:iam::{ACCOUNT}:role/{role}"
        made = self.aws("sts").assume_role(RoleArn=arn, RoleSessionName=name, **more)["Credentials"]
        return Credentials(made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])

    # --- logs ---

    def patch(self, *patches, stage="dev", op="replace") -> None:
        operations = [{"op": op, "path": path, "value": value} for path, value in patches]
        self.aws("apigateway").update_stage(restApiId=self.id, stageName=stage, patchOperations=operations)

    def log_role(self) -> None:
        role = {"op": "replace", "path": "/cloudwatchRoleArn", "value": f"arn:aws:iam::{ACCOUNT}:role/logs"}
        self.aws("apigateway").update_account(patchOperations=[role])

    def log(self, level="INFO", traced=True, format="") -> None:
        """Both logs on, the access log (group `access`) where there is a format."""
        self.log_role()
        self.patch(("/*/*/logging/loglevel", level), ("/*/*/logging/dataTrace", str(traced).lower()))
        if format:
            destination = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:access"
            self.patch(("/accessLogSettings/destinationArn", destination), ("/accessLogSettings/format", format))

    @property
    def group(self) -> str:
        return f"API-Gateway-Execution-Logs_{self.id}/dev"

    def events(self, group="") -> list[str]:
        """Messages in the order in which they were written; none where there is no such group."""
        logs = self.aws("logs")
        try:
            return [event["message"] for event in logs.filter_log_events(logGroupName=group or self.group)["events"]]
        except logs.exceptions.ResourceNotFoundException:
            return []

    def lines(self) -> list[str]:
        """The execution log without request ids."""
        return [message.split(") ", 1)[1] for message in self.events()]
