"""boto3 without the machine's AWS configuration: its session, and clients at a rig's address."""

from __future__ import annotations

import os
import threading
from functools import cache
from typing import Any

CREATING = threading.Lock()  # botocore's sessions are not thread-safe while they make clients


def outside_client(service: str, url: str, region: str) -> Any:
    """A boto3 client at a rig's address, with boto3's defaults; no AWS configuration, profile or proxy of the machine
    leads it elsewhere."""
    from botocore.config import Config

    with CREATING:
        return session().client(
            service, region_name=region, endpoint_url=url, config=Config(proxies={}),
            aws_access_key_id="AKIALAMBDARIGCLIENT0", aws_secret_access_key="lambdarig",
        )


@cache
def session() -> Any:
    """One for all: it keeps what it has read of AWS's models, which is most of what a client costs."""
    import boto3

    return boto3.Session(botocore_session=core())


@cache
def core() -> Any:
    """botocore's session, which sees neither the AWS variables of this process nor the machine's AWS files: a profile
    that is not there would end even a look at AWS's models."""
    import botocore.session
    from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES, ConstantProvider

    made = botocore.session.Session(profile="default")
    made.set_config_variable("config_file", os.devnull)
    made.set_config_variable("credentials_file", os.devnull)
    made.full_config.setdefault("profiles", {})["default"] = {}
    settings = made.get_component("config_store")
    for name, (_, variables, default, _) in BOTOCORE_DEFAUT_SESSION_VARIABLES.items():
        if variables and name not in ("profile", "config_file", "credentials_file"):
            settings.set_config_provider(name, ConstantProvider(default))
    for section in ("s3", "proxies_config"):
        settings.set_config_provider(section, ConstantProvider(None))
    return made
