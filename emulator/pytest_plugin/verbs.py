"""What tests do with a rig."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emulator.rig import Rig

NOTHING: Any = object()


@dataclass(frozen=True)
class Result:
    """What boto3's `invoke` gave. payload: parsed JSON. log: the last 4 KB, not in assertions that pytest
    explains: a failing test prints the logs anyway. error: '' or Unhandled."""

    payload: Any
    error: str
    log: str = field(repr=False)

    @property
    def ok(self) -> bool:
        return not self.error


class PytestRig:
    """A rig for tests: short verbs over the `Rig` in `.rig`, and everything else of it. made: what the marker
    `scenario` built, as scenario files refer to it: `made["apis"]["orders"]["url"]`."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.made: dict[str, Any] = {}
        self.told: set[str] = set()  # names of what was left running, which its test has been told
        self._databases: dict[tuple[str, str], str] = {}
        self._relays: dict[tuple[str, str], str] = {}
        self._upstreams: set[Path] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.rig, name)

    def __repr__(self) -> str:
        return f"<rig of engine {self.rig.engine.name}, seed {self.rig.settings.seed}>"

    def function(
        self,
        name: str,
        folder: str | Path,
        handler: str,
        *,
        runtime: str = "python",
        memory: int = 128,
        timeout: int = 3,
        environment: dict[str, str] | None = None,
        requirements: bool = False,
        **more: Any,
    ) -> str:
        """A function from a local folder; gives its ARN. memory in MB, timeout in seconds. Raises UsageError."""
        from emulator.building import make_function
        from emulator.files import specified

        spec = specified(
            f"function {name}",
            folder=Path(folder).resolve(),
            handler=handler,
            runtime=runtime,
            memory=memory,
            timeout=timeout,
            environment=environment or {},
            requirements=requirements,
            **more,
        )
        return make_function(self.rig, name, spec, {}, lambda _: None)

    def database(self, name: str, kind: str = "embedded") -> str:
        """A PostgreSQL behind a relay, as `Rig.database`. It is made once: what is in it stays from test to test."""
        if (name, kind) not in self._databases:
            self._databases[name, kind] = self.rig.database(name, kind)
        return self._databases[name, kind]

    def relay(self, name: str, address: str) -> str:
        """Any host, as `host:port`, behind a relay, as `Rig.relay`. It is made once, and stays from test to test."""
        if (name, address) not in self._relays:
            self._relays[name, address] = self.rig.relay(name, address)
        return self._relays[name, address]

    def upstreams(self, file: str | Path) -> None:
        """Answer for the SaaS hosts of a stub file, from now to the end of the run; the stubs forget at every test."""
        path = Path(file).resolve()
        if path not in self._upstreams:
            self.rig.ways_out.add_upstreams(path)
            self._upstreams.add(path)

    def invoke(self, name: str, payload: Any = NOTHING) -> Result:
        """Invoke synchronously through boto3, which does not retry; `{}` where no payload is given."""
        from emulator.aws.internal import client

        event = json.dumps({} if payload is NOTHING else payload)
        api = client(self.rig.endpoint, "lambda", region=self.rig.settings.region)
        answer = api.invoke(FunctionName=name, Payload=event, LogType="Tail")
        log = base64.b64decode(answer.get("LogResult", "")).decode(errors="replace")
        return Result(json.loads(answer["Payload"].read()), answer.get("FunctionError", ""), log)
