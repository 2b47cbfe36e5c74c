"""What a person can set for a rig."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ACCOUNT = "123456789012"
REGION = "us-east-1"
DEFAULT_ROLE = "lambdarig"  # of functions in rig files that name none; nobody has made it in IAM
IAM_MODES = ("enforce", "strict", "off")


@dataclass(frozen=True)
class Settings:
    """engine: docker, process, inline, or auto. port: 0 takes a free one. seed: of dice and ids.

    account_limit: environments busy at once, over all functions (AWS: 1,000 an account; a laptop: fewer). idle_s: rig
    seconds after which an idle environment goes. iam: `enforce` decides for roles and users that IAM has, `strict` also
    refuses those it has not, `off` allows everything. freeze: stop environments between invocations. texts: generation
    of AWS's log and error texts. manual_clock: rig time stands still until `advance`. without: labels of rules that let
    everything pass, to find out which of them a failure needs. state_dir: for the rig's own files; None makes one and
    removes it again. state: folder in which AppFlow's state is kept; None keeps nothing.
    """

    engine: str = "auto"
    host: str = "127.0.0.1"
    port: int = 0
    seed: int = 0
    region: str = REGION
    account: str = ACCOUNT
    account_limit: int = 100
    idle_s: float | None = 600.0
    freeze: bool = True
    texts: str = "current"
    iam: str = "enforce"
    manual_clock: bool = False
    without: tuple[str, ...] = ()
    state_dir: Path | None = None
    state: Path | None = None
