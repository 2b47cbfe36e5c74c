"""Experiments: started from a template, over by the rig's clock or by StopExperiment."""

from __future__ import annotations

from emulator.aws.modelled import ServiceError
from emulator.aws.services.fis.experiment import ACTION_WORDS, WORDS, Action, Experiment, planned
from emulator.aws.services.fis.injection import Injection
from emulator.aws.services.fis.store import Params, Store, invalid, page
from emulator.aws.services.fis.targets import resolve
from emulator.functions.registry import Registry
from emulator.model import AwsCall

MOST_ACTIVE = 5  # FIS quotas
EMPTY = "Target resolution returned empty set"


class ExperimentOperations:
    """The methods are operations: params in, output out, both as botocore's model has them."""

    def __init__(self, store: Store, injection: Injection, registry: Registry) -> None:
        self.store, self.injection, self.registry = store, injection, registry

    def start_experiment(self, params: Params, call: AwsCall) -> Params:
        """What it does from the first moment on is done when the answer comes."""
        with self.store.lock:
            made = self.store.once("StartExperiment", params, lambda: self._start(params))
            return {"experiment": self._shown(self.store.experiment(made), "initiating")}

    def _start(self, params: Params) -> str:
        template, now = self.store.template(params["experimentTemplateId"]), self.store.clock.now()
        if sum(one.active(now) for one in self.store.experiments.values()) >= MOST_ACTIVE:
            raise ServiceError("ServiceQuotaExceededException", f"{MOST_ACTIVE} experiments can run at a time.")
        name, arn = self.store.new("experiment")
        mode = (params.get("experimentOptions") or {}).get("actionsMode", "run-all")
        made = Experiment(name, arn, template.id, template.given, mode, now)
        self._plan(made)
        self.store.experiments[name] = made
        self.store.tags[arn] = dict(params.get("tags") or {})
        self._arrange()
        return name

    def _plan(self, made: Experiment) -> None:
        targets = made.given["targets"]
        seed = f"{self.store.seed}/{made.id}"
        made.targets = {name: resolve(self.registry, target, f"{seed}/{name}") for name, target in targets.items()}
        skip = made.given["experimentOptions"]["emptyTargetResolutionMode"] == "skip"
        if not all(made.targets.values()) and not skip:
            made.failure = EMPTY
        made.actions = planned(made.began, made.given["actions"], made.targets, made.mode == "skip-all")

    def stop_experiment(self, params: Params, call: AwsCall) -> Params:
        """What it does is undone when the answer comes."""
        with self.store.lock:
            experiment, now = self.store.experiment(params["id"]), self.store.clock.now()
            if not experiment.active(now):
                raise invalid(f"Experiment {experiment.id} cannot be stopped: it is {experiment.state(now)}.")
            experiment.stopped = now
            self._arrange()
            return {"experiment": self._shown(experiment, "stopping")}

    def _arrange(self) -> None:
        self.injection.arrange(one for one in self.store.experiments.values() if not one.failure)

    def get_experiment(self, params: Params, call: AwsCall) -> Params:
        with self.store.lock:
            return {"experiment": self._shown(self.store.experiment(params["id"]))}

    def list_experiments(self, params: Params, call: AwsCall) -> Params:
        with self.store.lock:
            wanted = params.get("experimentTemplateId")
            rows = [self._summary(e) for e in self.store.experiments.values() if wanted in (None, e.template_id)]
        return page("experiments", rows, params)

    def list_experiment_resolved_targets(self, params: Params, call: AwsCall) -> Params:
        with self.store.lock:
            experiment, wanted = self.store.experiment(params["experimentId"]), params.get("targetName")
        given = experiment.given["targets"]
        if wanted is not None and wanted not in given:
            raise ServiceError("ResourceNotFoundException", f"Experiment {experiment.id} has no target {wanted}.")
        rows = [
            {"resourceType": given[name]["resourceType"], "targetName": name, "targetInformation": {"arn": arn}}
            for name, arns in experiment.targets.items() if wanted in (None, name) for arn in arns
        ]
        return page("resolvedTargets", rows, params)

    def _summary(self, experiment: Experiment, status: str = "") -> Params:
        status = status or experiment.state(self.store.clock.now())
        state: Params = {"status": status, "reason": WORDS.get(status, experiment.failure)}
        if status == "failed":
            state["error"] = {"accountId": self.store.account, "code": "InvalidTarget"}
        return {
            "id": experiment.id, "arn": experiment.arn, "experimentTemplateId": experiment.template_id,
            "state": state, "creationTime": self.store.time(experiment.began),
            "tags": dict(self.store.tagged(experiment.arn)),
            "experimentOptions": {**experiment.given["experimentOptions"], "actionsMode": experiment.mode},
        }

    def _shown(self, experiment: Experiment, status: str = "") -> Params:
        given = {key: value for key, value in experiment.given.items() if key != "description"}
        over = experiment.failure or self.store.clock.now() >= experiment.end
        end = {"endTime": self.store.time(experiment.end)} if over and status != "stopping" else {}
        return {
            **given, **self._summary(experiment, status), **end, "startTime": self.store.time(experiment.began),
            "actions": {action.name: self._action(experiment, action, status) for action in experiment.actions},
            "targetAccountConfigurationsCount": 0,
        }

    def _action(self, experiment: Experiment, action: Action, status: str) -> Params:
        now = self.store.clock.now()
        word = "cancelled" if experiment.failure else action.state(now, experiment.stopped)
        word = "pending" if status == "initiating" else word
        times: Params = {}
        if word in ("running", "completed", "stopped"):
            times["startTime"] = self.store.time(action.begin)
        if word in ("completed", "stopped"):
            times["endTime"] = self.store.time(min(action.end, experiment.stopped))
        return {**action.given, **times, "state": {"status": word, "reason": ACTION_WORDS[word]}}
