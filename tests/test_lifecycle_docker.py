"""Containers for real: killed or removed from outside, without an image, and from one's own."""

from __future__ import annotations

import io
import tarfile
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError
from lambda_fixtures import ROLE, create, invoke
from life_rig import LIFE, alone, words

from emulator.rig import Rig
from emulator.settings import Settings


@pytest.fixture(scope="module")
def docker_rig():
    with Rig(Settings(engine="docker", manual_clock=True)) as made:
        yield made


@pytest.fixture(scope="module")
def daemon():
    import docker

    client = docker.from_env()
    yield client
    client.close()


@pytest.mark.docker
def test_one_killed_from_outside_while_idle_is_not_used_again(docker_rig, daemon):
    api = docker_rig.client("lambda")
    create(api, "victim", LIFE)
    invoke(api, "victim")
    environment = alone(docker_rig, "victim")
    daemon.containers.get(environment.native_id).kill()
    environment.ended()
    after, error, _ = invoke(api, "victim")
    assert (error, after["n"]) == ("", 1)


@pytest.mark.docker
def test_one_removed_from_outside_while_it_works_is_seen_at_once(docker_rig, daemon):
    api = docker_rig.client("lambda")
    create(api, "removed", LIFE, Timeout=60)
    invoke(api, "removed")
    container = daemon.containers.get(alone(docker_rig, "removed").native_id)
    begin = docker_rig.clock.monotonic()
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(invoke, api, "removed", {"do": "sleep", "s": 50})
        container.remove(force=True)
        payload, error, _ = running.result()
    assert docker_rig.clock.monotonic() - begin < 20
    assert error == "Unhandled" or payload["n"] == 1, "the event may have come after the kill"
    assert invoke(api, "removed")[1] == ""


@pytest.mark.docker
def test_a_missing_image_is_the_rigs_failure_and_costs_no_slot(docker_rig):
    api = docker_rig.client("lambda")
    api.create_function(FunctionName="gone", Role=ROLE, PackageType="Image",
                        Code={"ImageUri": "lambdarig/no-such-image:1"})  # fmt: skip
    for _ in range(3):
        with pytest.raises(ClientError) as caught:
            invoke(api, "gone")
        answer = caught.value.response["ResponseMetadata"]
        assert answer["HTTPStatusCode"] == 500
        assert answer["HTTPHeaders"]["x-lambdarig-error"]
        assert "there is no image lambdarig/no-such-image:1" in str(caught.value)
    assert docker_rig.pool._busy.total() == 0


@pytest.fixture
def image(docker_rig, daemon):
    """An image with a handler in it, as people build them for Lambda."""
    base = docker_rig.engine._image_of("python3.11")
    source = b"import os\ndef handler(e, c):\n    return [os.environ['_HANDLER'], 'AWS_EXECUTION_ENV' in os.environ]\n"
    dockerfile = f'FROM {base}\nCOPY app.py /var/task/\nCMD ["app.handler"]\n'.encode()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in (("Dockerfile", dockerfile), ("app.py", source)):
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content), 0o644
            archive.addfile(info, io.BytesIO(content))
    packed.seek(0)
    tag = f"lambdarig-test-{docker_rig.id}:1"
    daemon.images.build(fileobj=packed, custom_context=True, tag=tag, rm=True)
    yield tag
    docker_rig.pool.retire()
    daemon.images.remove(tag, force=True)


@pytest.mark.docker
def test_a_function_from_an_image(docker_rig, image):
    api = docker_rig.client("lambda")
    answer = api.create_function(FunctionName="imaged", Role=ROLE, PackageType="Image", Timeout=30, MemorySize=512,
                                 Code={"ImageUri": image})  # fmt: skip
    assert answer["PackageType"] == "Image"
    payload, error, log = invoke(api, "imaged")
    assert (payload, error) == (["app.handler", False], "")
    assert words(log) == ["START", "END", "REPORT"]
    api.update_function_configuration(FunctionName="imaged", ImageConfig={"Command": ["app.missing"]})
    payload, error, _ = invoke(api, "imaged")
    assert (payload["errorType"], error) == ("Runtime.HandlerNotFound", "Unhandled")
    docker_rig.pool.retire()
