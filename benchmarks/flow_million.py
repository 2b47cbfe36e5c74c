"""A flow of a million records to S3, 1,000 a page, from a connector that costs nothing; each kind of file in a process
of its own. Beside it a plain loop that parses the same pages and writes the same lines to a file.

`python benchmarks/flow_million.py KIND PAGES` prints one run's figures as JSON.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from typing import Any

import psutil
from rigs import Failed
from samples import Row, row

RECORDS = 1000  # a page
PAGES = 1000
MB = 1024 * 1024
PAGE = "######"  # where a record has its page's number
SINGLE = {"aggregationConfig": {"aggregationType": "SingleFile"}}
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "json": ("JSON Lines, a file a page", {"fileType": "JSON"}),
    "csv": ("CSV, a file a page", {"fileType": "CSV"}),
    "json-single": ("JSON Lines, one file", {"fileType": "JSON", **SINGLE}),
    "parquet-single": ("Parquet, one file", {"fileType": "PARQUET", **SINGLE}),
}
FIELDS = ("Id", "Name", "Email", "Amount", "Active", "Note")
ARN = "arn:aws:lambda:us-east-1:123456789012:function:million"
OK: dict[str, Any] = {"isSuccess": True, "errorDetails": None}


def run(engine: str, runtime: str, quick: bool) -> list[Row]:
    """The engine plays no part."""
    rows: list[Row] = []
    for kind, (words, _) in KINDS.items():
        said = _apart(kind, PAGES // 20 if quick else PAGES)
        speed, times = said["records"] / said["seconds"], said["processor"] / said["plain"]
        grew = f"{said['grew']:+.1f} MB from a tenth of the run to its end; {said['written'] / MB:.0f} MB written"
        rows += [
            row(f"flow of {said['records']:,} records, {words}: speed", [speed],
                f"plain loop x {times:.1f} in processor time", "records/s"),
            row(f"flow of {said['records']:,} records, {words}: peak resident memory", [said["peak"]], grew, "MB"),
        ]
    return rows


def _apart(kind: str, pages: int) -> dict[str, Any]:
    """Peaks are a process's, for ever."""
    done = subprocess.run([sys.executable, __file__, kind, str(pages)], stdout=subprocess.PIPE, check=False)
    if done.returncode:
        raise Failed(f"the flow {kind} could not be run")
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def record(number: int) -> str:
    return json.dumps({
        "Id": f"003-{PAGE}-{number:09d}", "Name": f"Person {number}", "Email": f"person{number}@{PAGE}.example.com",
        "Amount": number * 1.25, "Active": number % 3 > 0, "Note": "met at the fair; " * (number % 9),
    })


class Connector:
    """An invoker. Pages differ in their number; it watches the process's memory as it is asked for them."""

    def __init__(self, pages: int) -> None:
        records = json.dumps([record(number) for number in range(RECORDS)])
        self.page = f'{{"isSuccess": true, "errorDetails": null, "records": {records}'
        self.pages, self.asked, self.early = pages, 0, 0

    def invoke(self, function: str, payload: bytes, origin: str, **more: Any) -> Any:
        from emulator.model import Outcome

        kind = json.loads(payload)["type"].removesuffix("Request")
        return Outcome("ok", self._query() if kind == "QueryData" else json.dumps(ANSWERS.get(kind, OK)).encode())

    def _query(self) -> bytes:
        self.asked += 1
        if self.asked == max(1, self.pages // 10):
            self.early = resident()
        more = f', "nextToken": "{self.asked}"' if self.asked < self.pages else ""
        return f"{self.page.replace(PAGE, f'{self.asked:06d}')}{more}}}".encode()


ANSWERS: dict[str, Any] = {
    "DescribeConnectorConfiguration": {
        **OK, "connectorOwner": "bench", "connectorName": "million", "connectorVersion": "1.0",
        "connectorModes": ["SOURCE"], "authenticationConfig": {"isBasicAuthSupported": True},
        "supportedApiVersions": ["v1"],
    },
    "DescribeEntity": {**OK, "entityDefinition": {
        "entity": {"entityIdentifier": "Contact", "hasNestedEntities": False},
        "fields": [{"fieldName": name, "dataType": "String"} for name in FIELDS],
    }},
}


def resident() -> int:
    return int(psutil.Process().memory_info().rss)


def once(kind: str, pages: int) -> dict[str, Any]:
    connector = Connector(pages)
    service, appflow = _rig(connector)
    _flow(appflow, KINDS[kind][1])
    floor = plain(connector.page, pages // 2)
    begin, processor = time.perf_counter(), time.process_time()
    started = appflow.start_flow(flowName="million")["executionId"]
    service.wait(started, limit_s=3600.0)
    seconds, processor, late = time.perf_counter() - begin, time.process_time() - processor, resident()
    [said] = appflow.describe_flow_execution_records(flowName="million")["flowExecutions"]
    if said["executionStatus"] != "Successful":
        raise Failed(f"the flow ended {said}")
    result = said["executionResult"]
    return {
        "records": result["recordsProcessed"], "written": result["bytesWritten"], "seconds": seconds,
        "processor": processor,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "grew": (late - connector.early) / MB,
        "plain": floor + plain(connector.page, pages - pages // 2),
    }


def _rig(connector: Connector) -> tuple[Any, Any]:
    """AppFlow and moto's S3 behind an endpoint: AppFlow's operations and a client of theirs."""
    from emulator.aws import internal
    from emulator.aws.attribution import Attribution
    from emulator.aws.backend import Backend
    from emulator.aws.endpoint import AwsEndpoint
    from emulator.aws.services.appflow import appflow_service
    from emulator.clock import Clock
    from emulator.injector import Injector
    from emulator.timeline import Timeline

    clock = Clock(manual=True)
    injector = Injector(clock, Timeline(clock))

    def acting(service: str, place: str = "") -> Any:
        return internal.client(endpoint, service, "appflow.amazonaws.com", place=place)

    service = appflow_service(connector, acting, injector, "123456789012", "us-east-1")
    endpoint = AwsEndpoint(injector, Attribution(), Backend(), {"appflow": service})
    internal.client(endpoint, "s3").create_bucket(Bucket="lake")
    return service.implementation, internal.client(endpoint, "appflow")


def _flow(appflow: Any, output: dict[str, Any]) -> None:
    appflow.register_connector(
        connectorLabel="million", connectorProvisioningType="LAMBDA",
        connectorProvisioningConfig={"lambda": {"lambdaArn": ARN}},
    )
    appflow.create_connector_profile(
        connectorProfileName="bench", connectorType="CustomConnector", connectorLabel="million",
        connectionMode="Public", connectorProfileConfig={
            "connectorProfileProperties": {"CustomConnector": {}},
            "connectorProfileCredentials": {"CustomConnector": {
                "authenticationType": "BASIC", "basic": {"username": "u", "password": "p"}}},
        },
    )
    source = {"CustomConnector": {"entityName": "Contact"}}
    projection = {"taskType": "Filter", "sourceFields": list(FIELDS),
                  "connectorOperator": {"CustomConnector": "PROJECTION"}}
    maps = [{"taskType": "Map", "sourceFields": [name], "destinationField": name, "taskProperties": {},
             "connectorOperator": {"CustomConnector": "NO_OP"}} for name in FIELDS]
    destination = {"connectorType": "S3", "destinationConnectorProperties": {
        "S3": {"bucketName": "lake", "s3OutputFormatConfig": output}}}
    appflow.create_flow(
        flowName="million", triggerConfig={"triggerType": "OnDemand"}, destinationFlowConfigList=[destination],
        tasks=[projection, *maps], sourceFlowConfig={
            "connectorType": "CustomConnector", "connectorProfileName": "bench", "apiVersion": "v1",
            "sourceConnectorProperties": source},
    )


def plain(page: str, pages: int) -> float:
    """Seconds of processor time to parse the pages and to write each record as a line. Half of it is taken before the
    run, half after, so that what else the machine does strikes both."""
    with tempfile.TemporaryFile() as file:
        begin = time.process_time()
        for _ in range(pages):
            rows = [json.loads(text) for text in json.loads(f"{page}}}")["records"]]
            file.write("".join(f"{json.dumps({name: row[name] for name in FIELDS})}\n" for row in rows).encode())
        return time.process_time() - begin


if __name__ == "__main__":
    print(json.dumps(once(sys.argv[1], int(sys.argv[2]))))
