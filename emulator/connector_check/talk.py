"""What a check is, what it may do and how it says what it found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from emulator.connector_check.hearing import Ask, Heard
from emulator.frontdoors.appflow import Context, Request

ANSWER_WITH_DETAILS = (
    "catch it and answer isSuccess false with errorDetails {errorCode, errorMessage}: of a function that fails AppFlow "
    "shows only 'No valid response and error details found in the connector response'"
)
NOTHING_SUCH = ("ResourceNotFoundError", "InvalidArgument", "ClientError")  # codes that say: there is nothing such
BAD_INPUT = ("InvalidArgument", "ClientError", "ResourceNotFoundError")


@dataclass(frozen=True)
class Problem:
    """field: of the answer, `records[3]`. why: what is wrong with it. mend: what to do."""

    field: str
    why: str
    mend: str = ""
    heard: Heard | None = None


class Skipped(Exception):
    """A check that cannot be made, and why."""


class _Stopped(Exception):
    """A check that cannot go on; its problems are told already."""


@dataclass(frozen=True)
class Written:
    """A record that was inserted: its recordId, and what was sent."""

    id: str
    row: Mapping[str, Any]


@dataclass
class Known:
    """What is given to all checks, and what they learn of the connector for those after them.

    secret: JSON object, as a connector reads it. make_secret: keeps such a text, gives its ARN. permitted: may AppFlow
    invoke the function by its policy? None where nobody asked. records, bad_record: to write, given by a person.
    timeout_s: the function's own.
    """

    settings: Mapping[str, str] = field(default_factory=dict)
    secret: str = ""
    make_secret: Callable[[str], str] | None = None
    authentication_type: str = ""
    wanted_entities: Sequence[str] = ()
    records: Sequence[Mapping[str, Any]] = ()
    bad_record: Mapping[str, Any] | None = None
    permitted: bool | None = None
    timeout_s: float | None = None
    most_pages: int = 20
    configuration: Any = None
    secret_arn: str = ""
    entities: list[Any] = field(default_factory=list)
    nested: list[Any] = field(default_factory=list)
    definitions: dict[str, Any] = field(default_factory=dict)
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    whole: set[str] = field(default_factory=set)  # entities of which `rows` has all
    written: list[Written] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)

    def modes(self) -> Sequence[str]:
        """SOURCE, DESTINATION; both until the configuration is known."""
        return ("SOURCE", "DESTINATION") if self.configuration is None else tuple(self.configuration.connectorModes)


@dataclass(frozen=True)
class Check:
    """One thing that must hold. id: `query-paging`. kind: the request it is about. needs: SOURCE or DESTINATION.
    writes: it alters the system of record."""

    id: str
    kind: str
    about: str
    act: Callable[[Talk], None]
    needs: str = ""
    writes: bool = False


def check(id: str, kind: str, about: str, needs: str = "", writes: bool = False) -> Callable[..., Check]:
    """Makes a function a check: it talks, and tells the talk what is wrong."""
    return lambda act: Check(id, kind, about, act, needs, writes)


class Talk:
    """The conversation of one check with the connector."""

    def __init__(self, ask: Ask, known: Known) -> None:
        self._ask, self.known = ask, known
        self.problems: list[Problem] = []
        self.heard: list[Heard] = []
        self.remark = ""

    def run(self, act: Callable[[Talk], None]) -> None:
        """Let the check talk. Raises Skipped."""
        try:
            act(self)
        except _Stopped:
            return
        except Skipped:
            if not self.problems:
                raise

    # --- asking ---

    def ask(self, request: Request) -> Heard:
        """Whatever comes."""
        heard = self._ask(request)
        self.heard.append(heard)
        self.known.heard.append(heard)
        return heard

    def good(self, request: Request, mend: str = "") -> Any:
        """The successful answer; anything else is a problem that ends the check. mend: of a refusal."""
        heard = self.ask(request)
        if heard.ok:
            return heard.answer
        self._look_for_a_secret(heard)
        if heard.refused:
            code = f"{heard.error_code}: " if heard.error_code else ""
            self.stop("isSuccess", f"the connector refuses: {code}{heard.message}", mend or _mend(heard.error_code))
        self.unusable(heard)
        raise _Stopped

    def refusal(self, request: Request, what: str, codes: Sequence[str]) -> Heard:
        """`what` must be refused, with error details whose code is one of `codes`."""
        heard = self.ask(request)
        if heard.ok:
            self.wrong(
                "isSuccess", f"{what}: accepted",
                "answer isSuccess false with errorDetails: {errorCode: " + codes[0] + ", errorMessage: ...}",
            )
        elif not heard.refused:
            self.unusable(heard)
        elif heard.error_code and heard.error_code not in codes:
            self._look_for_a_secret(heard)
            self.wrong(
                "errorDetails.errorCode", f"{what}: answered with {heard.error_code} ({heard.message})",
                f"use {' or '.join(codes[:2])}: by its code people and AppFlow tell what can be tried again",
            )
        if heard.refused and not heard.message.strip():
            self.wrong("errorDetails.errorMessage", "is empty: it is all that AppFlow shows", "say what is wrong")
        return heard

    def civil(self, request: Request) -> Heard:
        """Success or a refusal, as the connector likes; but an answer that AppFlow can use."""
        heard = self.ask(request)
        if not (heard.ok or heard.refused):
            self.unusable(heard)
        return heard

    def _look_for_a_secret(self, heard: Heard) -> None:
        """A connector that wants credentials first is right to refuse without them."""
        if heard.refused and heard.error_code == "InvalidCredentials" and not self.known.secret:
            self.skip("the connector asks for credentials: give them with --secret")

    # --- saying ---

    def wrong(self, field: str, why: str, mend: str = "") -> None:
        self.problems.append(Problem(field, why, mend, self.heard[-1] if self.heard else None))

    def stop(self, field: str, why: str, mend: str = "") -> NoReturn:
        """As wrong, and the check ends."""
        self.wrong(field, why, mend)
        raise _Stopped

    def skip(self, why: str) -> NoReturn:
        raise Skipped(why)

    def unusable(self, heard: Heard) -> None:
        """An answer that AppFlow could not use, or none."""
        if not heard.problems:
            said = heard.error.message if heard.error else "no answer"
            self.wrong("(no answer)", said, "is the function there, and free to be invoked?")
        for problem in heard.problems:
            place, colon, why = problem.partition(": ")
            if heard.status not in ("ok", ""):
                place, why = "(the whole answer)", f"the function failed ({heard.status}){_because(heard)}"
            elif not colon or " " in place.strip("()"):
                place, why = "(the whole answer)", problem
            self.wrong(place, why, _advice(heard, problem))

    # --- what is known ---

    def configured(self) -> Any:
        """The connector's configuration."""
        if self.known.configuration is None:
            self.skip("the connector's configuration could not be read")
        return self.known.configuration

    def context(self, entity: str = "", run: bool = False) -> Context:
        """As AppFlow makes it for metadata, or for an entity's data in a flow's run."""
        known, configuration = self.known, self.configured()
        definition = known.definitions.get(entity) if entity else None
        told = {"flow_name": "check", "profile": "check", "execution_id": "2c07e424-21e4-4ee3-b70f-4fb55b2ecf79"}
        return Context(
            dict(known.settings), known.secret_arn, known.authentication_type, configuration.supportedApiVersions[0]
            if configuration.supportedApiVersions else None,
            definition.model_dump() if definition else None, **(told if run else {}),
        )

    def entity(self) -> str:
        """The first one that could be described."""
        self.configured()
        if not self.known.definitions:
            self.skip("no entity could be described: name one with --entity")
        return next(iter(self.known.definitions))


def _because(heard: Heard) -> str:
    """By its log, else by what Lambda answers."""
    body = heard.body if isinstance(heard.body, dict) else {}
    said = ": ".join(str(body[name]) for name in ("errorType", "errorMessage") if body.get(name))
    return f"; its log says: {heard.cause}" if heard.cause else f": {said}" if said else ""


def _mend(code: str) -> str:
    return {
        "InvalidCredentials": "are the credentials right? --secret",
        "AccessDenied": "may these credentials do this? --secret",
        "InvalidArgument": "are the settings right? --settings key=value",
        "ResourceNotFoundError": "is everything there that the connector asks for? --settings, --secret, --entity",
    }.get(code, "see what the connector's log says")


def _advice(heard: Heard, problem: str) -> str:
    if heard.status == "timeout":
        return "the function's own timeout ended it: 30 s are what AppFlow waits for data, 10 s for all else"
    if heard.status == "oom":
        return "the environment died: more memory, or smaller pages; AppFlow is told nothing of why"
    if heard.status == "crash":
        return "the process ended: look for exits, signals, native libraries, memory; AppFlow is told nothing of why"
    if heard.status == "init_error":
        return "mend what the log names; a package that is missing goes into requirements.txt or package.json"
    if heard.status == "too_large" or "AppFlow takes" in problem:
        return "give fewer records in a page, whatever maxResults says, and a nextToken: 6 MB is the most"
    if "AppFlow waits" in problem or problem.startswith("no answer after"):
        return "do less in one request, import less when starting, or take more memory, which is more CPU"
    if heard.status == "error":
        return ANSWER_WITH_DETAILS
    if problem.startswith("records[") and "valid string" in problem:
        return "give each record as JSON text, json.dumps(record), not as an object"
    if "Field required" in problem:
        return f"put it into every answer to {heard.kind}"
    if problem.startswith("errorDetails: isSuccess is false"):
        return "add errorDetails {errorCode, errorMessage}: without them AppFlow has nothing to show"
    return f"answer {heard.kind} as AWS's connector SDK writes it" if heard.status == "ok" else ""
