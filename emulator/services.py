"""The AWS services the rig serves itself; everything else is moto's."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, Any

from emulator.aws.bus import Bus
from emulator.aws.endpoint import Service
from emulator.aws.identity_tokens import IdentityTokens
from emulator.aws.schedule import Schedule
from emulator.aws.services.cognito_identity import cognito_identity_service
from emulator.aws.services.events import Events, scheduled_rules
from emulator.aws.services.fis import Fis, fis_service
from emulator.aws.services.iam import Iam
from emulator.aws.services.lambda_api.invoke import Invoking
from emulator.aws.services.lambda_api.service import LambdaService, Operations
from emulator.aws.services.lambda_api.shop import Shop
from emulator.aws.services.secret_rotation import PRINCIPAL, Rotation
from emulator.aws.services.secretsmanager import SecretsManager
from emulator.aws.services.simulator import iam_service
from emulator.aws.services.sts import sts_service
from emulator.aws.services.web_identity import WebIdentity
from emulator.aws.targets import PRINCIPAL as EVENTS
from emulator.aws.targets import Targets
from emulator.frontdoors.rest_control import RestControl

if TYPE_CHECKING:
    from emulator.rig import Rig

APPFLOW = "appflow.amazonaws.com"


def own_services(rig: Rig) -> dict[str, Service]:
    """By SigV4 signing name."""
    shop = Shop(
        registry=rig.registry,
        clock=rig.clock,
        state_dir=rig.state_dir,
        fetch=partial(_fetch, rig),
        watch=rig.hot_reload.watch,
        retired=partial(_retire, rig),
        provision=rig.pool.provision,
        standing=rig.pool.provisioned.standing,
        join=rig.pool.provisioned.join,
        texts=rig.settings.texts,
    )
    operations = Operations(shop, rig.settings.account_limit)
    tokens = IdentityTokens(rig.backend, rig.clock)
    web = WebIdentity(rig.backend, tokens, rig.settings.iam)
    return {
        "lambda": LambdaService(operations, Invoking(rig.functions, rig.events), runtimes),
        "apigateway": RestControl(rig.backend, rig.logs.append, rig.clock),
        "logs": rig.logs,
        "events": Events(rig.backend, rig.settings.region, rig.schedule.look),
        "iam": iam_service(rig.backend, Iam(rig.backend)),
        "secretsmanager": SecretsManager(rig.backend, _rotation(rig)),
        "fis": fis_service(_fis(rig)),
        "sts": sts_service(rig.backend, rig.keyring, web),
        "cognito-identity": cognito_identity_service(rig.backend, rig.keyring, tokens, web, rig.settings.seed),
        "appflow": _appflow(rig),
    }


def _fis(rig: Rig) -> Fis:
    return Fis(rig.injector, rig.registry, rig.settings.account, rig.settings.region, rig.settings.seed)


def _rotation(rig: Rig) -> Rotation:
    def may_invoke(function: str) -> bool:
        try:
            rig.registry.version(function)
        except LookupError:
            return False
        return rig.authorization.may_invoke(function, "", PRINCIPAL, source_account=rig.settings.account)

    return Rotation(rig.backend, rig.functions, rig.clock, rig.consistency.writing, may_invoke)


def _appflow(rig: Rig) -> Service:
    from emulator.aws.services.appflow import appflow_service

    return appflow_service(
        rig.functions,
        lambda service, place="": _acting(rig, service, APPFLOW, place),
        rig.injector,
        rig.settings.account,
        rig.settings.region,
        rig.settings.seed,
        may_invoke=partial(_appflow_may, rig),
        hosts=rig.saas,
        state=rig.state,
        publish=Bus(rig.backend, rig.settings.region, _targets(rig)).put,
    )


def _appflow_may(rig: Rig, function_arn: str) -> bool:
    """Source: the connector SDK's guide, which scopes the permission to `arn:aws:appflow:REGION:ACCOUNT:*`."""
    region, account = rig.settings.region, rig.settings.account
    source = f"arn:aws:appflow:{region}:{account}:connector"
    return rig.authorization.may_invoke(function_arn, "", APPFLOW, source, account)


def schedule_of(rig: Rig) -> Schedule:
    """On the rig's clock."""
    rules = partial(scheduled_rules, rig.backend, rig.settings.region)
    return Schedule(rules, _targets(rig), rig.clock, rig.settings.seed)


def _targets(rig: Rig) -> Targets:
    def may_invoke(function: str, qualifier: str, rule_arn: str) -> bool:
        return rig.authorization.may_invoke(function, qualifier, EVENTS, rule_arn, rig.settings.account)

    clients = cache(lambda service: _acting(rig, service, EVENTS))
    return Targets(rig.functions, rig.events, rig.clock, rig.timeline, may_invoke, clients)


def _acting(rig: Rig, service: str, principal: str, place: str = "") -> Any:
    from emulator.aws.internal import client

    return client(rig.endpoint, service, principal, rig.settings.region, place=place)


def _fetch(rig: Rig, bucket: str, key: str, version: str | None) -> bytes:
    """A deployment package from S3, read as Lambda does."""
    from botocore.exceptions import ClientError

    from emulator.aws.services.lambda_api.shop import invalid

    which = {"VersionId": version} if version else {}
    try:
        answer = _acting(rig, "s3", "lambda.amazonaws.com").get_object(Bucket=bucket, Key=key, **which)
    except ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
        raise invalid(f"Error occurred while GetObject. S3 Error Code: {code}. S3 Error Message: {message}") from None
    return bytes(answer["Body"].read())


def _retire(rig: Rig, name: str) -> None:
    """Its environments that are no longer what the function is go; published versions' stay."""
    rig.pool.retire(lambda e: e.function.name == name and not rig.registry.holds(e.function))


@cache
def runtimes() -> tuple[str, ...]:
    """AWS's runtime ids, from botocore's model."""
    from emulator.aws.sessions import core

    return tuple(core().get_service_model("lambda").shape_for("Runtime").enum)


def implementation(services: dict[str, Service], name: str) -> Any:
    """What is behind an own service that is served by its model."""
    service: Any = services[name]
    return service.implementation
