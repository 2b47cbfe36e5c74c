"""AWS's runtimes that run here, and their images' names."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Runtime:
    """A runtime's images: AWS's, the one built here, and the public base it is built from when none is named.

    language: python, nodejs or java. version: `3.13`, `22`, `17`.
    """

    name: str
    language: str
    version: str
    aws: str
    local: str
    base: str


def _runtime(language: str, version: str, base: str, suffix: str = "") -> Runtime:
    return Runtime(
        name=f"{language}{version}{suffix}",
        language=language,
        version=version,
        aws=f"public.ecr.aws/lambda/{language}:{version}",
        local=f"lambdarig/{language}:{version}",
        base=base,
    )


_PYTHONS = ("3.14", "3.13", "3.12", "3.11", "3.10")
RUNTIMES = {
    runtime.name: runtime
    for runtime in (
        *(_runtime("python", version, f"python:{version}-slim") for version in _PYTHONS),
        *(_runtime("nodejs", version, f"node:{version}-slim", ".x") for version in ("24", "22", "20")),
        _runtime("java", "17", "amazoncorretto:17"),
    )
}
