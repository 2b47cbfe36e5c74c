"""Every error the rig raises on purpose, and the exit code the command line gives it.

    RigError                  exit 3   the rig or its engine failed
    |- EngineError                     an engine could not start, freeze or find something
    |- FaultError                      a fault raised: a bug in the fault, never an AWS answer
    |- UsageError             exit 2   what the person wrote cannot be used; nothing was started
       |- FileProblem                  names the file, the key and the choices
    Verdict                   exit 1   a scenario or a function failed; the rig did its work

Anything else that escapes is a bug in lambdarig itself.
"""

from __future__ import annotations

from collections.abc import Iterable


def one_line(error: BaseException) -> str:
    """What it says, without the line breaks of libraries that tell each mistake in a line of its own."""
    return " ".join(str(error).split())


def meant(given: object, choices: Iterable[str]) -> str:
    """`: did you mean 'docker'?`, for the end of a message; empty where nothing is near."""
    from difflib import get_close_matches

    near = get_close_matches(str(given), [str(choice) for choice in choices], 1)
    return f": did you mean {near[0]!r}?" if near else ""


class RigError(Exception):
    """The rig or its engine failed; `mend` is the command or step that helps."""

    exit_code = 3

    def __init__(self, message: str, mend: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.mend = mend

    def __str__(self) -> str:
        return f"{self.message}\n  to mend it: {self.mend}" if self.mend else self.message


class EngineError(RigError):
    """An engine could not do what it was asked."""


class FaultError(RigError):
    """A fault raised an exception of its own: the fault is wrong, not the function under test."""


class UsageError(RigError):
    """Something a person wrote cannot be used."""

    exit_code = 2

    @classmethod
    def unknown(cls, what: str, given: object, choices: Iterable[str]) -> UsageError:
        """`unknown engine 'dokcer': choose one of docker, inline, process: did you mean 'docker'?`."""
        names = sorted(str(choice) for choice in choices)
        listed = ", ".join(names) or "(there are none)"
        return cls(f"unknown {what} {given!r}: choose one of {listed}{meant(given, names)}")


class FileProblem(UsageError):
    """A file a person wrote cannot be used: `FILE: KEY: what is wrong (choices)`. given: the word that is none of the
    choices, to say which one is like it."""

    def __init__(
        self, file: object, key: str, problem: str, choices: Iterable[str] = (), given: object = ""
    ) -> None:
        names = sorted(choices)
        listed = ", ".join(names)
        shown = key if key.isprintable() else repr(key)  # a key may be any text, and the message is one line
        place = f"{file}: {shown}: " if key else f"{file}: "
        super().__init__(place + problem + (f" (choose from: {listed})" if listed else "") + meant(given, names))
        self.file, self.key = str(file), key


class Verdict(RigError):
    """What was run failed, and the rig did its work properly."""

    exit_code = 1
