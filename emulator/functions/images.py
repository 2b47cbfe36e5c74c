"""Images that run functions: AWS's public ones where they are, else ones built here with AWS's runtime clients.

Both are laid out alike (/var/runtime, /var/task, /opt, /lambda-entrypoint.sh HANDLER), so an engine needs only a name.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from emulator.errors import EngineError, UsageError
from emulator.functions import imageclient
from emulator.functions.imagebuild import IMAGE_FILES, PACKAGES, build_image, inspect_base, install_packages
from emulator.functions.runtimes import RUNTIMES, Runtime

if TYPE_CHECKING:
    from docker import DockerClient

Say = Callable[[str], None]

DEFAULT_RUNTIME = "python3.13"
LOCAL_BASE = "lambdarig/base:bookworm"
REGISTRY_ANSWERS_S = 10
PULL_STALLS_S = 120


def image_for(runtime: str, client: DockerClient | None = None) -> str:
    """The local image that runs `runtime`, AWS's own before one built here. Pulls and builds nothing.

    Raises UsageError for an unknown runtime, EngineError when there is no image for it.
    """
    wanted = _known(runtime)
    docker = client or _connect()
    for image in (wanted.aws, wanted.local):
        if _is_here(docker, image):
            return image
    raise EngineError(f"no image for {runtime}: neither {wanted.aws} nor {wanted.local} is here",
                      mend=f"lambdarig images build --runtime {runtime}")


def available() -> list[dict[str, str]]:
    """The images that can run functions now, newest runtime first: [{runtime, image, origin: aws | local}]."""
    tags = {tag for image in _connect().api.images() for tag in image["RepoTags"] or ()}
    return [
        {"runtime": runtime.name, "image": image, "origin": origin}
        for runtime in RUNTIMES.values()
        for image, origin in ((runtime.aws, "aws"), (runtime.local, "local"))
        if image in tags
    ]


def pull_or_build(runtime: str | None, say: Say) -> str:
    """The image for `runtime` (None: any Python that is here, else the default): present, pulled from AWS, or built."""
    present = [one["image"] for one in available() if _is(one["runtime"], runtime)]
    if present:
        return present[0]
    wanted = _known(runtime or DEFAULT_RUNTIME)
    try:
        _pull(_connect(), wanted.aws, say)
    except EngineError as problem:
        say(f"{problem.message}; building an image here instead")
        return build(None, runtime, None, say)
    return wanted.aws


def _is(runtime: str, wanted: str | None) -> bool:
    return RUNTIMES[runtime].language == "python" if wanted is None else runtime == wanted


def build(base: str | None, runtime: str | None, ca_bundle: Path | None, say: Say) -> str:
    """Build `lambdarig/LANGUAGE:VERSION` from `base` and return its name.

    base: a glibc image, for Python one with python3 (None: the one `make` imported, else the language's public one).
    runtime: what the image must be for (None: whatever Python the base has). ca_bundle: certificates for pip and npm.
    """
    wanted = _known(runtime) if runtime else None
    docker = _connect()
    base = _bring_base(docker, base, wanted, say)
    with tempfile.TemporaryDirectory(prefix="lambdarig-image-") as context:
        if wanted is None or wanted.language == "python":
            return _build_python(docker, base, wanted, ca_bundle, Path(context), say)
        imageclient.build(docker, imageclient.inspect(docker, base, wanted), wanted, ca_bundle, Path(context), say)
        return wanted.local


def _build_python(
    docker: DockerClient, base: str, wanted: Runtime | None, ca_bundle: Path | None, context: Path, say: Say
) -> str:
    found = inspect_base(docker, base)
    built = RUNTIMES.get(f"python{found.version}")
    if built is None or wanted not in (None, built):
        names = [runtime.name for runtime in RUNTIMES.values() if runtime.language == "python"]
        raise EngineError(f"base image {found.image} has Python {found.version}, not the one of "
                          f"{wanted.name if wanted else ' or '.join(names)}", mend="name another base with --base")
    for name in ("python/Dockerfile", "python/bootstrap", "python/bootstrap.py", "lambda-entrypoint.sh"):
        shutil.copy(IMAGE_FILES / name, context)
    say(f"installing {' and '.join(PACKAGES)} for Python {found.version}")
    install_packages(context / "runtime", found, ca_bundle)
    say(f"building {built.local} from {found.image}")
    arguments = {"BASE": found.image, "PYTHON": found.interpreter, "VERSION": found.version}
    build_image(docker, str(context), arguments, built.local, built.name)
    return built.local


def _bring_base(docker: DockerClient, base: str | None, wanted: Runtime | None, say: Say) -> str:
    if base is None:
        base = LOCAL_BASE if _is_here(docker, LOCAL_BASE) else (wanted or _known(DEFAULT_RUNTIME)).base
    if not _is_here(docker, base):
        _pull(docker, base, say)
    return base


def _known(runtime: str) -> Runtime:
    if runtime not in RUNTIMES:
        raise UsageError.unknown("runtime", runtime, RUNTIMES)
    return RUNTIMES[runtime]


def _connect(timeout: int = 60) -> DockerClient:
    import docker
    from docker.errors import DockerException
    from docker.utils import kwargs_from_env

    from emulator.functions.engines.docker_daemon import unmocked

    try:
        client = docker.DockerClient.__new__(docker.DockerClient)
        client.api = unmocked()(timeout=timeout, version="auto", **kwargs_from_env())
        client.ping()
    except DockerException as problem:
        raise EngineError(f"no Docker engine answers: {problem}",
                          mend="start Docker, or run functions without it: --engine process") from problem
    return client


def _is_here(docker: DockerClient, image: str) -> bool:
    from docker.errors import ImageNotFound, NullResource

    try:
        docker.images.get(image)
    except (ImageNotFound, NullResource):
        return False
    return True


def _pull(docker: DockerClient, image: str, say: Say) -> None:
    """Ask the registry first, with a short limit: a pull itself may well take minutes."""
    from docker.errors import DockerException
    from requests import RequestException

    try:
        _connect(REGISTRY_ANSWERS_S).images.get_registry_data(image)
        say(f"pulling {image}")
        for step in _connect(PULL_STALLS_S).api.pull(image, stream=True, decode=True):
            if "error" in step:
                raise DockerException(step["error"])
    except (DockerException, RequestException) as problem:
        reason = getattr(problem, "explanation", None) or problem
        raise EngineError(f"image {image} is not here and cannot be pulled ({reason})",
                          mend="name an image that is here with --base; `docker images` lists them") from problem
