"""The shapes of the two files people write, as pydantic models: what there is, and what happens in it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from emulator.settings import ACCOUNT, DEFAULT_ROLE


class Strict(BaseModel):
    """Unknown keys are refused, and nothing is taken for what it is not."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


WrittenPath = Annotated[Path, Field(strict=False)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Text = Annotated[str, Field(min_length=1)]
RoleName = Annotated[str, Field(pattern=r"^[\w+=,.@-]{1,64}$")]
ROLE = f"arn:aws:iam::{ACCOUNT}:role/{DEFAULT_ROLE}"


class RoleSpec(Strict):
    """A role made when the rig starts. policies: name -> document, inline. managed: ARNs of managed policies. boundary:
    a document. trust: the service that may assume it, or a whole trust policy."""

    policies: dict[str, dict[str, Any]] = {}
    managed: list[str] = []
    boundary: dict[str, Any] | None = None
    trust: str | dict[str, Any] = "lambda.amazonaws.com"


class FunctionSpec(Strict):
    """A function made when the rig starts. folder: relative to the file. requirements: install what the folder's own
    manifest names first. Sizes in MB, times in seconds. role: an ARN, or one of the file's roles by name; nobody has
    made the default one in IAM, so it may do everything. texts: generation of AWS's log texts, where it is not the
    rig's."""

    folder: WrittenPath
    handler: Text
    runtime: str = "python"
    memory: int = Field(128, ge=128, le=10240)
    timeout: int = Field(3, ge=1, le=900)
    ephemeral: int = Field(512, ge=512, le=10240)
    role: str = Field(ROLE, pattern=r"^(arn:aws[a-z-]*:iam::\d{12}:role/.+|[\w+=,.@-]{1,64})$")
    environment: dict[str, str] = {}
    requirements: bool = False
    reserved_concurrency: int | None = Field(None, ge=0)
    texts: Literal["current", "2023", "2020", "2018"] | None = None


class RouteSpec(Strict):
    """One REST API: path -> function, `ANY` unless given as `GET /orders/{id}`. access_log: true, or a format."""

    stage: str = Field("dev", pattern=r"^[A-Za-z0-9_-]{1,128}$")
    routes: dict[str, str]
    authorization: Literal["NONE", "AWS_IAM"] = "NONE"
    execution_log: Literal["OFF", "ERROR", "INFO"] = "OFF"
    access_log: bool | str = False


class InvokeStep(Strict):
    """`lambda.invoke`, synchronous."""

    function: Text
    payload: Any = Field(default_factory=dict)
    qualifier: Text | None = None


class AwsStep(Strict):
    """Any operation as boto3 spells it, `get_secret_value`, `with` its parameters; a mapping where AWS takes a text is
    sent as JSON. credentials: whose, as STS and Cognito give them; without them the rig's own."""

    service: Text
    operation: Text
    parameters: dict[str, Any] = Field(default_factory=dict, alias="with")
    credentials: Any = None
    region: str | None = None


class HttpStep(Strict):
    """A request to an API of the file, path: below the stage; or to a url, whole, whose host must have a name. json or
    body: what is sent. sign: credentials to sign it with by SigV4, as STS and Cognito give them."""

    api: Text | None = None
    url: str | None = Field(None, pattern=r"^(https?://|\$\{)")
    method: str = Field("GET", pattern=r"^[A-Z]+$")
    path: str = Field("", pattern=r"^(/|$)")
    sign: Any = None
    headers: dict[str, str] = {}
    data: Any = Field(None, alias="json")
    body: str | None = None


class Step(Strict):
    """One thing done, and what must come of it. Exactly one of invoke, aws, http, advance, arm, disarm, settle.

    advance: seconds of rig time. settle: at most so many seconds until nothing runs any more behind the answers. show:
    JMESPath of what a person should see of it.
    """

    name: str = ""
    invoke: InvokeStep | None = None
    aws: AwsStep | None = None
    http: HttpStep | None = None
    advance: float | None = Field(None, ge=0)
    arm: Any = None
    disarm: str | None = None
    settle: float | None = Field(None, gt=0, le=600)
    expect: dict[str, Any] = {}
    show: str | None = None
    repeat: int = Field(1, ge=1, le=10000)


class RigFile(Strict):
    """What there is: roles, functions, APIs, SaaS hosts, databases (`embedded`, or a PostgreSQL's URL), relays to any
    other host (`host:port`), secrets, faults."""

    roles: dict[RoleName, RoleSpec] = {}
    functions: dict[Name, FunctionSpec] = {}
    apis: dict[str, RouteSpec] = {}
    upstreams: WrittenPath | None = None
    databases: dict[str, str] = {}
    relays: dict[Name, str] = {}
    secrets: dict[str, Any] = {}
    faults: list[Any] = []


class ScenarioFile(RigFile):
    """What happens in it. texts: generation of AWS's log texts. clock: `manual` moves only by `advance` steps."""

    scenario: Text
    about: str = ""
    seed: int = 0
    engine: str = "auto"
    clock: Literal["manual", "real"] = "manual"
    texts: str = "current"
    iam: Literal["enforce", "strict", "off"] = "enforce"
    steps: list[Step] = Field(min_length=1)


class GuidePlace(Strict):
    """Which failure of which troubleshooting guide a scenario reproduces, and the page about it, below docs/."""

    name: Literal["appflow", "api-gateway"]
    item: int = Field(ge=1)
    title: Text
    page: Text


class GuideScenario(ScenarioFile):
    """A scenario that makes a guide's failure happen (`steps`), applies the remedy and shows that it works (`fix`).

    causes: what makes it happen -> dotted keys of this file and their values without that cause (null takes a key
    away): with any one of them gone it must not happen.
    """

    guide: GuidePlace
    fix: list[Step] = Field(min_length=1)
    causes: dict[str, dict[str, Any]] = Field(min_length=1)
