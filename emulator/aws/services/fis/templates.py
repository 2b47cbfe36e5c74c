"""Experiment templates. What is given as log or report configuration is kept and shown; nothing is written there."""

from __future__ import annotations

from emulator.aws.modelled import ServiceError
from emulator.aws.services.fis.rules import check
from emulator.aws.services.fis.store import Params, Store, Template, page
from emulator.model import AwsCall

MOST = 500  # FIS quotas
OPTIONS = {"accountTargeting": "single-account", "emptyTargetResolutionMode": "fail"}
_CHOSEN = (
    "description", "targets", "actions", "stopConditions", "roleArn", "logConfiguration", "experimentOptions",
    "experimentReportConfiguration",
)


class TemplateOperations:
    """The methods are operations: params in, output out, both as botocore's model has them."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def create_experiment_template(self, params: Params, call: AwsCall) -> Params:
        with self.store.lock:
            made = self.store.once("CreateExperimentTemplate", params, lambda: self._make(params))
            return {"experimentTemplate": self._shown(self.store.template(made))}

    def _make(self, params: Params) -> str:
        given = _chosen({"targets": {}, "experimentOptions": OPTIONS}, params)
        check(given)
        if len(self.store.templates) >= MOST:
            raise ServiceError("ServiceQuotaExceededException", f"There can be {MOST} experiment templates at most.")
        name, arn = self.store.new("experiment-template")
        now = self.store.clock.now()
        self.store.templates[name] = Template(name, arn, given, now, now)
        self.store.tags[arn] = dict(params.get("tags") or {})
        return name

    def update_experiment_template(self, params: Params, call: AwsCall) -> Params:
        """What is given takes the place of what was; experiments that run keep what they were started with."""
        with self.store.lock:
            template = self.store.template(params["id"])
            given = _chosen(template.given, params)
            check(given)
            template.given, template.updated = given, self.store.clock.now()
            return {"experimentTemplate": self._shown(template)}

    def get_experiment_template(self, params: Params, call: AwsCall) -> Params:
        with self.store.lock:
            return {"experimentTemplate": self._shown(self.store.template(params["id"]))}

    def delete_experiment_template(self, params: Params, call: AwsCall) -> Params:
        with self.store.lock:
            template = self.store.template(params["id"])
            shown = self._shown(template)
            self.store.forget(template)
            return {"experimentTemplate": shown}

    def list_experiment_templates(self, params: Params, call: AwsCall) -> Params:
        with self.store.lock:
            rows = [self._summary(template) for template in self.store.templates.values()]
        return page("experimentTemplates", rows, params)

    def _summary(self, template: Template) -> Params:
        return {
            "id": template.id, "arn": template.arn, "description": template.given["description"],
            "creationTime": self.store.time(template.created), "lastUpdateTime": self.store.time(template.updated),
            "tags": dict(self.store.tagged(template.arn)),
        }

    def _shown(self, template: Template) -> Params:
        return {**template.given, **self._summary(template), "targetAccountConfigurationsCount": 0}


def _chosen(before: Params, params: Params) -> Params:
    """`before`, with what the caller gives now in place of what was; options one by one."""
    given = before | {key: params[key] for key in _CHOSEN if key in params}
    given["experimentOptions"] = before["experimentOptions"] | (params.get("experimentOptions") or {})
    actions = given["actions"].items()
    return given | {"actions": {name: {"parameters": {}, "targets": {}, **action} for name, action in actions}}
