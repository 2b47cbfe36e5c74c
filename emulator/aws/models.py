"""botocore's descriptions of AWS services, loaded when first needed: they say what is on the wire."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

# SigV4 signing name -> boto3's names for the services that sign with it, tried in this order. Read from the metadata of
# botocore's models; a signing name that is not here is the service's own name.
_SIGNED_AS = {
    "airflow": ("mwaa",),
    "aoss": ("opensearchserverless",),
    "apigateway": ("apigateway", "apigatewayv2"),
    "aps": ("amp",),
    "appconfig": ("appconfig", "appconfigdata"),
    "awsssoportal": ("sso",),
    "bedrock": ("bedrock", "bedrock-runtime", "bedrock-agent", "bedrock-agent-runtime"),
    "cassandra": ("keyspaces",),
    "cloudcontrolapi": ("cloudcontrol",),
    "connect": ("connect", "connect-contact-lens"),
    "elasticfilesystem": ("efs",),
    "elasticloadbalancing": ("elbv2", "elb"),
    "elasticmapreduce": ("emr",),
    "es": ("opensearch", "es"),
    "execute-api": ("apigatewaymanagementapi",),
    "geo": ("location",),
    "iotdata": ("iot-data",),
    "kinesisvideo": ("kinesisvideo", "kinesis-video-archived-media"),
    "mediastore": ("mediastore", "mediastore-data"),
    "mobiletargeting": ("pinpoint",),
    "monitoring": ("cloudwatch",),
    "personalize": ("personalize", "personalize-runtime"),
    "profile": ("customer-profiles",),
    "s3": ("s3control", "s3"),
    "s3-outposts": ("s3outposts",),
    "sagemaker": ("sagemaker", "sagemaker-runtime", "sagemaker-metrics"),
    "servicecatalog": ("servicecatalog", "servicecatalog-appregistry"),
    "servicequotas": ("service-quotas",),
    "ses": ("sesv2", "ses"),
    "sso": ("sso-admin",),
    "sso-oauth": ("sso-oidc",),
    "states": ("stepfunctions",),
    "tagging": ("resourcegroupstaggingapi",),
    "timestream": ("timestream-query", "timestream-write"),
}


@lru_cache(maxsize=1)
def _loader() -> Any:
    from botocore.loaders import Loader

    return Loader()


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    return frozenset(_loader().list_available_services("service-2"))


def names(signing_name: str) -> tuple[str, ...]:
    """boto3's names of the services that sign as `signing_name`; empty when there is none."""
    return _SIGNED_AS.get(signing_name) or ((signing_name,) if signing_name in _known() else ())


@lru_cache(maxsize=64)
def description(name: str) -> dict[str, Any]:
    """botocore's `service-2.json` of a service, by boto3's name for it."""
    loaded: dict[str, Any] = _loader().load_service_model(name, "service-2")
    return loaded


@lru_cache(maxsize=16)
def service_model(name: str) -> Any:
    """The same as a `botocore.model.ServiceModel`."""
    from botocore.model import ServiceModel

    return ServiceModel(description(name), name)


def error_shape(signing_name: str, code: str) -> dict[str, Any]:
    """The modelled error called `code` (its shape's name or its code on the wire); empty when not modelled."""
    for name in reversed(names(signing_name)):
        shapes = description(name)["shapes"]
        coded = (shape for shape in shapes.values() if shape.get("error", {}).get("code") == code)
        shape: dict[str, Any] = shapes.get(code) or next(coded, {})
        if shape.get("exception") or "error" in shape:
            return dict(shape)
    return {}
