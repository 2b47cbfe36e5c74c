"""Layers: PublishLayerVersion, Get, List, Delete; their folders become /opt, later layers over earlier ones."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from emulator.aws.modelled import ServiceError
from emulator.aws.services.lambda_api.shop import Params, Shop, invalid, page
from emulator.functions import code
from emulator.model import AwsCall

_VERSION_ARN = re.compile(r"arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:layer:(?P<name>[A-Za-z0-9-_]+):(?P<number>\d+)")
_NAME = re.compile(r"(?:arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:layer:)?(?P<name>[A-Za-z0-9-_]+)")
HIDDEN = ("path", "size")


class LayerOperations:
    """The methods are operations: params in, output out, both as botocore's model has them."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop

    def publish_layer_version(self, params: Params, call: AwsCall) -> Params:
        registry, content = self.shop.registry, params["Content"]
        name = self._name(params["LayerName"])
        package = self._package(content)
        arn = f"arn:aws:lambda:{registry.region}:{registry.account}:layer:{name}"
        with registry.lock:
            versions = registry.layers.setdefault(name, [])
            registry.layer_numbers[name] += 1  # the number of a deleted version is not given again
            number = registry.layer_numbers[name]
            row = {
                "LayerArn": arn,
                "LayerVersionArn": f"{arn}:{number}",
                "Version": number,
                "path": package.path,
                "size": package.size,
                "Description": params.get("Description", ""),
                "CreatedDate": f"{self.shop.clock.utc():%Y-%m-%dT%H:%M:%S}.000+0000",
                "CompatibleRuntimes": params.get("CompatibleRuntimes") or [],
                "Content": {"Location": package.path.as_uri(), "CodeSha256": package.sha256, "CodeSize": package.size},
            }
            versions.append(row)
        return _shown(row)

    def get_layer_version(self, params: Params, call: AwsCall) -> Params:
        return _shown(self._find(self._name(params["LayerName"]), params["VersionNumber"]))

    def get_layer_version_by_arn(self, params: Params, call: AwsCall) -> Params:
        return _shown(self._by_arn(params["Arn"]))

    def list_layer_versions(self, params: Params, call: AwsCall) -> Params:
        rows = reversed(self.shop.registry.layers.get(self._name(params["LayerName"]), []))
        return page("LayerVersions", [_listed(row) for row in rows], params)

    def list_layers(self, params: Params, call: AwsCall) -> Params:
        rows = [
            {"LayerName": name, "LayerArn": versions[-1]["LayerArn"], "LatestMatchingVersion": _listed(versions[-1])}
            for name, versions in sorted(self.shop.registry.layers.items())
            if versions
        ]
        return page("Layers", rows, params)

    def delete_layer_version(self, params: Params, call: AwsCall) -> Params:
        versions = self.shop.registry.layers.get(self._name(params["LayerName"]), [])
        versions[:] = [row for row in versions if row["Version"] != params["VersionNumber"]]
        return {}

    def paths(self, arns: list[str]) -> tuple[Path, ...]:
        """Folders of the layers, in order. Raises ServiceError for unknown ones and for more than five."""
        if len(arns) > 5:
            raise invalid("Layers consists of more than 5 layers")
        return tuple(self._by_arn(arn)["path"] for arn in arns)

    def size(self, arn: str) -> int:
        """CodeSize of a layer version."""
        return int(self._by_arn(arn)["size"])

    def _package(self, content: Params) -> code.Code:
        if content.get("S3Bucket"):
            zipped = self.shop.fetch(content["S3Bucket"], content.get("S3Key", ""), content.get("S3ObjectVersion"))
        elif content.get("ZipFile"):
            zipped = content["ZipFile"]
        else:
            raise invalid("Please provide a source for layer content.")
        try:
            return code.unpack(zipped, self.shop.state_dir / "code")
        except code.BadCode as error:
            raise invalid(str(error)) from None

    def _name(self, given: str) -> str:
        match = _NAME.fullmatch(given)
        if match is None:
            raise invalid(f"1 validation error detected: Value '{given}' at 'layerName' failed to satisfy constraint")
        return match["name"]

    def _by_arn(self, arn: str) -> dict[str, Any]:
        match = _VERSION_ARN.fullmatch(arn)
        if match is None:
            raise invalid(
                f"1 validation error detected: Value '[{arn}]' at 'layers' failed to satisfy constraint: "
                "Member must satisfy constraint: layer version ARN"
            )
        return self._find(match["name"], int(match["number"]))

    def _find(self, name: str, number: int) -> dict[str, Any]:
        for row in self.shop.registry.layers.get(name, []):
            if row["Version"] == number:
                return row
        registry = self.shop.registry
        arn = f"arn:aws:lambda:{registry.region}:{registry.account}:layer:{name}:{number}"
        raise ServiceError("ResourceNotFoundException", f"Layer version {arn} does not exist.", Type="User")


def _shown(row: dict[str, Any]) -> Params:
    return {key: value for key, value in row.items() if key not in HIDDEN}


def _listed(row: dict[str, Any]) -> Params:
    return {key: value for key, value in _shown(row).items() if key not in ("Content", "LayerArn")}
