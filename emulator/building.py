"""Makes what a rig file describes: secrets, databases, SaaS hosts, functions, APIs - by the same calls anyone makes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emulator import building_apis, relay
from emulator.aws.internal import client
from emulator.errors import FileProblem, UsageError, one_line
from emulator.files import ROLE, FunctionSpec, RigFile, RoleSpec

if TYPE_CHECKING:
    from emulator.rig import Rig

Say = Callable[[str], None]
_REFERENCE = re.compile(r"\$\{(?![\w-]+:)([^}]+)\}")  # `${aws:username}` is a policy's own


def build_rig(rig: Rig, written: RigFile, file: Path, say: Say) -> dict[str, Any]:
    """Make everything; gives what steps can refer to: `secrets`, `databases`, `relays`, `roles`, `functions`, `apis`,
    each by name.

    Raises FileProblem for what AWS would refuse.
    """
    made: dict[str, Any] = {part: {} for part in ("secrets", "databases", "relays", "roles", "functions", "apis")}

    def aws(service: str) -> Any:
        return client(rig.endpoint, service, region=rig.settings.region)

    for name, value in written.secrets.items():
        text = value if isinstance(value, str) else json.dumps(value)
        with _refusals(file, f"secrets.{name}"):
            made["secrets"][name] = {"arn": aws("secretsmanager").create_secret(Name=name, SecretString=text)["ARN"]}
    for name, kind in written.databases.items():
        say(f"database {name}: {'a PostgreSQL of its own' if kind == 'embedded' else kind}")
        made["databases"][name] = {"url": rig.database(name, kind)}
    for name, target in written.relays.items():
        say(f"relay {name}: to {target}")
        address = rig.relay(name, target)
        host, port = relay.address(address)
        made["relays"][name] = {"host": host, "port": port, "address": address}
    if written.upstreams is not None:
        rig.ways_out.add_upstreams(written.upstreams)
    for name, role in written.roles.items():
        with _refusals(file, f"roles.{name}"):
            made["roles"][name] = make_role(aws("iam"), name, role, made)
    for name, function in written.functions.items():
        with _refusals(file, f"functions.{name}"):
            made["functions"][name] = {"arn": make_function(rig, name, function, made, say)}
    for name, api in written.apis.items():
        with _refusals(file, f"apis.{name}"):
            made["apis"][name] = building_apis.make_api(aws, name, api, made["functions"], rig.settings.account)
    return made


@contextlib.contextmanager
def _refusals(file: Path, key: str) -> Iterator[None]:
    """What the emulated AWS refuses is a mistake in the file."""
    from botocore.exceptions import ClientError, ParamValidationError

    try:
        yield
    except ClientError as error:
        raise FileProblem(file, key, error.response["Error"]["Message"]) from None
    except ParamValidationError as error:
        raise FileProblem(file, key, one_line(error)) from None


def make_role(iam: Any, name: str, spec: RoleSpec, made: dict[str, Any]) -> dict[str, str]:
    """The role with its policies; gives its ARN and its name."""
    trusted = {"Effect": "Allow", "Principal": {"Service": spec.trust}, "Action": "sts:AssumeRole"}
    trust = spec.trust if isinstance(spec.trust, dict) else {"Version": "2012-10-17", "Statement": [trusted]}
    bounded = {}
    if spec.boundary is not None:
        document = json.dumps(resolve(spec.boundary, made))
        arn = iam.create_policy(PolicyName=f"{name}-boundary", PolicyDocument=document)["Policy"]["Arn"]
        bounded = {"PermissionsBoundary": arn}
    document = json.dumps(resolve(trust, made))
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document, **bounded)["Role"]
    for policy, written in spec.policies.items():
        iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(resolve(written, made)))
    for arn in spec.managed:
        iam.attach_role_policy(RoleName=name, PolicyArn=arn)
    return {"arn": role["Arn"], "name": name}


def _packed(packages: Path, name: str, folder: Path, runtime: str) -> Path:
    """The folder with its requirements, named by what is in it: one that is packed already is not touched, since it may
    be in use, and watched."""
    from emulator.functions.packaging import build

    files = sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    listing = [f"{path.relative_to(folder)} {(stat := path.stat()).st_size} {stat.st_mtime_ns}" for path in files]
    digest = hashlib.sha256("\n".join(listing).encode()).hexdigest()[:16]
    packed = packages / f"{name}-{runtime}-{digest}"
    if not packed.exists():
        build(folder, runtime, packages / "draft").rename(packed)
    return packed


def make_function(rig: Rig, name: str, spec: FunctionSpec, made: dict[str, Any], say: Say) -> str:
    """Create the function from its folder; gives its ARN."""
    runtime = spec.runtime if spec.runtime != "python" else python_runtime(rig.engine.name)
    folder = spec.folder
    if spec.requirements:
        say(f"function {name}: its requirements for {runtime}")
        folder = _packed(rig.state_dir / "packages", name, spec.folder, runtime)
    environment = {key: filled(value, made) for key, value in spec.environment.items()}
    api = client(rig.endpoint, "lambda", region=rig.settings.region)
    arn = api.create_function(
        FunctionName=name,
        Runtime=runtime,
        Role=spec.role if spec.role.startswith("arn:") else made["roles"][spec.role]["arn"],
        Handler=spec.handler,
        Timeout=spec.timeout,
        MemorySize=spec.memory,
        EphemeralStorage={"Size": spec.ephemeral},
        Environment={"Variables": environment},
        Code={"S3Bucket": "hot-reload", "S3Key": str(folder)},
        Tags={"lambdarig:texts": spec.texts} if spec.texts else {},
    )["FunctionArn"]
    api.add_permission(
        FunctionName=name,
        StatementId="appflow",
        Action="lambda:InvokeFunction",
        Principal="appflow.amazonaws.com",
        SourceAccount=rig.settings.account,
    )
    if spec.reserved_concurrency is not None:
        api.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=spec.reserved_concurrency)
    return str(arn)


def python_runtime(engine: str) -> str:
    """The Python that is at hand: the docker engine's newest image, or this interpreter's version."""
    import sys

    if engine == "docker":
        from emulator.functions.images import available

        found = [row["runtime"] for row in available() if row["runtime"].startswith("python3.")]
        if found:
            return str(max(found, key=lambda runtime: int(runtime.removeprefix("python3."))))
    return f"python{sys.version_info.major}.{sys.version_info.minor}"


def filled(text: str, made: dict[str, Any]) -> str:
    """`${databases.orders-db.url}` -> its value. Raises UsageError for a reference that leads nowhere."""
    whole = resolve(text, made)
    return whole if isinstance(whole, str) else json.dumps(whole)


def resolve(value: Any, made: dict[str, Any]) -> Any:
    """References anywhere inside `value`; a text that is one reference becomes the value itself."""
    if isinstance(value, dict):
        return {resolve(key, made): resolve(inner, made) for key, inner in value.items()}
    if isinstance(value, list):
        return [resolve(inner, made) for inner in value]
    if not isinstance(value, str):
        return value
    if match := _REFERENCE.fullmatch(value):
        return _looked_up(match[1], made)
    return _REFERENCE.sub(lambda found: str(_looked_up(found[1], made)), value)


def references(value: Any) -> Iterator[str]:
    """What is between `${` and `}` anywhere inside `value`."""
    if isinstance(value, str):
        yield from _REFERENCE.findall(value)
    elif isinstance(value, dict | list):
        for inner in (*value, *value.values()) if isinstance(value, dict) else value:
            yield from references(inner)


def check_references(value: Any, known: Mapping[str, Collection[str]], file: Path, key: str) -> None:
    """known: kind -> names. What is below a name is known only once it is made. Raises FileProblem."""
    for reference in references(value):
        kind, _, rest = reference.partition(".")
        if kind not in known:
            raise FileProblem(file, key, f"${{{reference}}} leads nowhere: unknown {kind!r}", known)
        name = rest.split(".")[0]
        if name not in known[kind]:
            raise FileProblem(file, key, f"${{{reference}}} leads nowhere: unknown {name!r} in {kind}", known[kind])


def _looked_up(path: str, made: dict[str, Any]) -> Any:
    """Dots lead downwards; names may hold any other character."""
    at: Any = made
    for part in path.split("."):
        if isinstance(at, list) and part.isdecimal() and int(part) < len(at):
            at = at[int(part)]
        elif isinstance(at, dict) and part in at:
            at = at[part]
        else:
            choices = sorted(at) if isinstance(at, dict) else []
            raise UsageError.unknown(f"reference ${{{path}}}, at", part, choices)
    return at


def check(written: RigFile, file: Path) -> None:
    """What a model cannot see: whether what one part says of another is so. Raises FileProblem."""
    known: dict[str, Collection[str]] = {
        part: getattr(written, part) for part in ("secrets", "databases", "relays")
    }
    for name, role in written.roles.items():
        check_references(role.model_dump(), known, file, f"roles.{name}")
    for name, function in written.functions.items():
        if not function.role.startswith("arn:") and function.role not in written.roles:
            raise FileProblem(file, f"functions.{name}.role", f"unknown role {function.role!r}", (*written.roles, ROLE))
        check_references(function.environment, known, file, f"functions.{name}.environment")
        _check_runtime(function.runtime, file, f"functions.{name}.runtime")
    for name, kind in written.databases.items():
        _check_database(kind, file, f"databases.{name}")
    for name, target in written.relays.items():
        _check_relay(name, target, written, file)
    if written.upstreams is not None:
        from emulator import stubs

        stubs.load(written.upstreams)
    building_apis.check(written, file)


def _check_runtime(runtime: str, file: Path, key: str) -> None:
    if runtime == "python":
        return
    from emulator.services import runtimes

    if runtime not in runtimes():
        raise FileProblem(file, key, f"unknown runtime {runtime!r}", ("python", *runtimes()))


def _check_database(kind: str, file: Path, key: str) -> None:
    from emulator import postgres

    if kind != "embedded":
        try:
            postgres.existing(kind)
        except (UsageError, ValueError) as error:
            raise FileProblem(file, key, f"must be `embedded` or a PostgreSQL's URL: {error}") from None


def _check_relay(name: str, target: str, written: RigFile, file: Path) -> None:
    if name in written.databases:
        raise FileProblem(file, f"relays.{name}", "there is a database of that name, which has a relay already")
    try:
        relay.address(target)
    except UsageError as error:
        raise FileProblem(file, f"relays.{name}", str(error)) from None
