"""CreateFunction, Get, Update, Delete, List."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from emulator.aws.modelled import ServiceError
from emulator.aws.services.lambda_api import configuration
from emulator.aws.services.lambda_api.layers import LayerOperations
from emulator.aws.services.lambda_api.provisioned import forget
from emulator.aws.services.lambda_api.shop import (
    HOT_RELOAD_BUCKETS,
    Params,
    Shop,
    find,
    invalid,
    name_of,
    page,
    texts_of,
)
from emulator.aws.services.lambda_api.versions import publish
from emulator.functions import code
from emulator.functions.registry import LATEST, Entry, Version
from emulator.model import AwsCall, Function


class FunctionOperations:
    """The methods are operations: params in, output out, both as botocore's model has them."""

    def __init__(self, shop: Shop, layers: LayerOperations) -> None:
        self.shop, self._layers = shop, layers

    def create_function(self, params: Params, call: AwsCall) -> Params:
        registry = self.shop.registry
        name, _ = name_of(self.shop.registry, params)
        if len(name) > 64:
            raise ServiceError(
                "ValidationException",
                f"1 validation error detected: Value '{name}' at 'functionName' failed to "
                "satisfy constraint: Member must have length less than or equal to 64",
            )
        configuration.check(params)
        version = self._new(name, params)
        with registry.lock:
            if name in registry.entries:
                raise ServiceError("ResourceConflictException", f"Function already exist: {name}", Type="User")
            entry = registry.entries[name] = Entry(version, tags=dict(params.get("Tags") or {}))
        if params.get("Publish"):
            return publish(self.shop.registry, entry, params.get("Description"))
        return configuration.shown(version, state="Pending")

    def _new(self, name: str, params: Params) -> Version:
        package = params.get("PackageType", "Zip")
        if package == "Zip" and not (params.get("Runtime") and params.get("Handler")):
            missing = "Runtime" if not params.get("Runtime") else "Handler"
            raise invalid(f"{missing} is mandatory for functions created with deployment packages.")
        arn = self.shop.registry.arn(name)
        texts = texts_of(params, self.shop)
        blank = Function(name, arn, None, None, "", None, log_group=f"/aws/lambda/{name}", texts=texts)
        blank = replace(blank, revision=str(self.shop.registry.creation()))
        function = configuration.configured(blank, params, self._layers.paths(params.get("Layers") or []))
        version = Version(configuration.revised(function), "", "", 0, self._shown(params), package_type=package)
        return self._with_code(version, params["Code"])

    def get_function(self, params: Params, call: AwsCall) -> Params:
        entry, version, qualifier = find(self.shop.registry, params)
        answer: Params = {"Configuration": self._view(version, qualifier), "Code": dict(version.code_location)}
        if entry.tags:
            answer["Tags"] = dict(entry.tags)
        if entry.reserved is not None:
            answer["Concurrency"] = {"ReservedConcurrentExecutions": entry.reserved}
        return answer

    def get_function_configuration(self, params: Params, call: AwsCall) -> Params:
        _, version, qualifier = find(self.shop.registry, params)
        return self._view(version, qualifier)

    def list_functions(self, params: Params, call: AwsCall) -> Params:
        with self.shop.registry.lock:
            entries = sorted(self.shop.registry.entries.items())
        rows = [configuration.shown(entry.latest) for _, entry in entries]
        if params.get("FunctionVersion") == "ALL":
            rows += [configuration.shown(v, True) for _, entry in entries for v in entry.published.values()]
        return page("Functions", rows, params)

    def update_function_code(self, params: Params, call: AwsCall) -> Params:
        entry, _, _ = find(self.shop.registry, params)
        new = self._with_code(entry.latest, params)  # takes its time: not under the lock that every invocation needs
        with self.shop.registry.lock:
            self._same_revision(entry, params)
            function = replace(entry.latest.function, code=new.function.code, image=new.function.image)
            version = replace(new, function=configuration.revised(function), shown=entry.latest.shown)
            if params.get("DryRun"):
                return configuration.shown(version)
            entry.latest = version
        self.shop.retired(entry.latest.function.name)
        return publish(self.shop.registry, entry, None) if params.get("Publish") else configuration.shown(entry.latest)

    def update_function_configuration(self, params: Params, call: AwsCall) -> Params:
        entry, _, _ = find(self.shop.registry, params)
        configuration.check(params)
        layers = self._layers.paths(params["Layers"]) if "Layers" in params else None
        with self.shop.registry.lock:
            self._same_revision(entry, params)
            latest = entry.latest
            function = configuration.revised(configuration.configured(latest.function, params, layers))
            entry.latest = replace(
                latest,
                function=function,
                shown={**latest.shown, **self._shown(params)},
                modified=configuration.timestamp(self.shop.clock.utc()),
            )
        self.shop.retired(function.name)
        return configuration.shown(entry.latest)

    def delete_function(self, params: Params, call: AwsCall) -> Params:
        entry, version, qualifier = find(self.shop.registry, params)
        registry, name = self.shop.registry, entry.latest.function.name
        if qualifier == LATEST:
            raise invalid("$LATEST version cannot be deleted without deleting the function.")
        with registry.lock:
            forget(self.shop, entry, version.function.version if qualifier else "")
            if qualifier:
                entry.published.pop(version.function.version, None)
            else:
                registry.entries.pop(name, None)
        self.shop.retired(name)
        return {}

    def _with_code(self, version: Version, params: Params) -> Version:
        """The version with the package that `params` (FunctionCode's members) name."""
        modified = configuration.timestamp(self.shop.clock.utc())
        if uri := params.get("ImageUri"):
            function = replace(version.function, image=uri, code=None)
            where = {"RepositoryType": "ECR", "ImageUri": uri, "ResolvedImageUri": uri}
            return replace(version, function=function, modified=modified, code_sha256="", code_location=where)
        try:
            package, where = self._package(params)
        except code.BadCode as error:
            if error.too_large:
                raise ServiceError("RequestEntityTooLargeException", str(error), 413) from None
            raise invalid(str(error)) from None
        function = replace(version.function, code=package.path)
        return replace(
            version,
            function=function,
            modified=modified,
            code_sha256=package.sha256,
            code_size=package.size,
            code_location=where,
        )

    def _package(self, params: Params) -> tuple[code.Code, dict[str, str]]:
        bucket, key = params.get("S3Bucket"), params.get("S3Key")
        if bucket in HOT_RELOAD_BUCKETS:
            package = code.folder(Path(key or ""))
            self.shop.watch(package.path)
            return package, {"RepositoryType": "folder", "Location": package.path.as_uri()}
        if bucket:
            zipped = self.shop.fetch(bucket, key or "", params.get("S3ObjectVersion"))
        elif params.get("ZipFile"):
            zipped = params["ZipFile"]
        else:
            raise invalid("Please provide a source for function code.")
        package = code.unpack(zipped, self.shop.state_dir / "code")
        return package, {"RepositoryType": "S3", "Location": package.path.as_uri()}

    def _shown(self, params: Params) -> Params:
        given = {name: params[name] for name in configuration.SHOWN if params.get(name) is not None}
        if "Layers" in params:
            given["Layers"] = [{"Arn": arn, "CodeSize": self._layers.size(arn)} for arn in params["Layers"]]
        if "ImageConfig" in params:
            given["ImageConfigResponse"] = {"ImageConfig": params["ImageConfig"]}
        return given

    def _same_revision(self, entry: Entry, params: Params) -> None:
        now = configuration.shown(entry.latest)["RevisionId"]
        if params.get("RevisionId") not in (None, now):
            raise ServiceError(
                "PreconditionFailedException",
                "The RevisionId provided does not match the latest "
                "RevisionId. Call the GetFunction/GetAlias API to retrieve the latest RevisionId for "
                "your resource.",
                Type="User",
            )

    def _view(self, version: Version, qualifier: str) -> Params:
        answer = configuration.shown(version, qualified=bool(qualifier))
        if qualifier:
            answer["FunctionArn"] = f"{version.function.arn}:{qualifier}"
        return answer
