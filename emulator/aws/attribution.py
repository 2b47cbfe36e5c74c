"""Who signed a call, and what the call is called: SigV4 carries each environment's own access key back to the rig."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from emulator.model import Caller
from emulator.visibility import Moment

CLIENT = "client"


@dataclass(frozen=True)
class Credentials:
    """Session credentials as an execution environment has them (AWS_ACCESS_KEY_ID and its companions)."""

    access_key: str
    secret_key: str
    session_token: str


@dataclass
class _Signer:
    """A known access key. place: what its calls' ids begin with, now. counts: operations called in that place. started:
    when the environment with this key began."""

    caller: Caller
    place: str
    credentials: Credentials
    counts: Counter[str] = field(default_factory=Counter)
    started: Moment | None = None


class Attribution:
    """Access key <-> caller, and readable call ids. Thread-safe. Same seed and environments: same keys.

    moment: what time it is for an environment that starts, counted in writes too; may be replaced.
    """

    def __init__(self, seed: int = 0, account: str = "123456789012") -> None:
        self._seed, self._account = seed, account
        self._lock = threading.Lock()
        self._signers: dict[str, _Signer] = {}
        self._clients: Counter[str] = Counter()
        self._gone: set[str] = set()
        self.moment: Callable[[], Moment] = lambda: Moment(0.0)

    def issue(self, environment_id: str, function_name: str, role_arn: str) -> Credentials:
        """The role's credentials for one environment (`NAME/env-2`); its calls are in `init` until `enter`."""
        arn = assumed_role(role_arn, function_name)
        credentials = self.draw("ASIA", environment_id)
        caller = Caller(arn, credentials.access_key, function_name, environment_id)
        with self._lock:
            signer = _Signer(caller, f"{environment_id}/init", credentials, started=self.moment())
            self._signers[credentials.access_key] = signer
            self._gone.discard(credentials.access_key)
        return credentials

    def name(self, arn: str, place: str = "") -> str:
        """An access key for a caller that is no function, e.g. `appflow.amazonaws.com`; the same one each time. place:
        what its calls' ids begin with, where that is not the caller's name; each place has a key of its own."""
        credentials = replace(self.draw("AKIA", f"{arn}/{place}" if place else arn), session_token="")
        access_key = credentials.access_key
        with self._lock:
            self._signers.setdefault(access_key, _Signer(Caller(arn, access_key), place or arn, credentials))
        return access_key

    def enter(self, access_key: str, invocation_id: str, counts: Counter[str] | None = None) -> None:
        """From now on the environment's calls belong to this invocation. counts: of its calls so far, which go on;
        without any they begin afresh. KeyError once revoked."""
        self._move(access_key, invocation_id, invocation_id, Counter() if counts is None else counts)

    def leave(self, access_key: str) -> None:
        """The invocation is over; a call made before the next one is `NAME/env-2/between/...`."""
        self._move(access_key, "", "", Counter())

    def revoke(self, credentials: object) -> None:
        """The environment that these were issued for is gone, and its key is nobody's, unless another one of the same
        name has been issued it since: after a reset they count from one again."""
        with self._lock:
            gone = [key for key, signer in self._signers.items() if signer.credentials is credentials]
            for key in gone:
                del self._signers[key]
            self._gone.update(gone)

    def gone(self, access_key: str) -> bool:
        """Was the key an environment's that has ended? What still comes under it has nobody who waits for an answer."""
        return access_key in self._gone

    def restart(self) -> None:
        """Count clients' and named callers' calls from 1 again, as at the start of a run."""
        with self._lock:
            self._clients.clear()
            for signer in self._signers.values():
                signer.counts.clear()

    def caller(self, access_key: str) -> Caller:
        """Who holds the key; a key the rig never issued is a client's, with the account's root as its identity."""
        signer = self._signers.get(access_key)
        return signer.caller if signer else Caller(f"arn:aws:iam::{self._account}:root", access_key)

    def started(self, access_key: str) -> Moment | None:
        """When the execution environment with this key began; None for any other key."""
        signer = self._signers.get(access_key)
        return signer.started if signer else None

    def credentials(self, access_key: str) -> Credentials | None:
        """What the rig issued under the key; None for a key it never issued, or that is revoked."""
        signer = self._signers.get(access_key)
        return signer.credentials if signer else None

    def draw(self, prefix: str, owner: str) -> Credentials:
        """Credentials that follow from seed and owner. prefix: AKIA, or ASIA for those with a session token."""
        drawn = hashlib.sha512(f"{self._seed}/{prefix}/{owner}".encode()).digest()
        key = prefix + base64.b32encode(drawn[:10]).decode()
        return Credentials(key, base64.b64encode(drawn[10:40]).decode(), base64.b64encode(drawn * 4).decode())

    def call_id(self, caller: Caller, service: str, operation: str) -> str:
        """`NAME/inv-3/secretsmanager.GetSecretValue#2`; in the init phase `NAME/env-1/init/...`; else `client/...`."""
        what = f"{service}.{operation}"
        with self._lock:
            signer = self._signers.get(caller.access_key)
            place = caller.invocation or (signer.place if signer else CLIENT)
            counts = signer.counts if signer else self._clients
            counts[what] += 1
            return f"{place}/{what}#{counts[what]}"

    def _move(self, access_key: str, invocation_id: str, place: str, counts: Counter[str]) -> None:
        with self._lock:
            signer = self._signers[access_key]
            caller = replace(signer.caller, invocation=invocation_id)
            place = place or f"{caller.environment}/between"
            self._signers[access_key] = replace(signer, caller=caller, place=place, counts=counts)


def assumed_role(role_arn: str, function_name: str) -> str:
    """The identity AWS names in a refusal: the role without its path, the session is the function's name.

    Recorded on AWS: a one-character name is padded, since session names have at least two.
    """
    session = function_name if len(function_name) > 1 else f"{function_name}@lambda_function"
    return f"arn:aws:sts::{role_arn.split(':')[4]}:assumed-role/{role_arn.rsplit('/', 1)[-1]}/{session}"
