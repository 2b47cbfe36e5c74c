"""What the docker engine asks of the daemon: a container's document, its mounts and its layers."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from layers import layer

from emulator.errors import EngineError
from emulator.functions.engines.docker_container import (
    HostPaths,
    Place,
    container_config,
    container_name,
    merged_layers,
    readable,
)
from emulator.functions.engines.protocol import EnvironmentSpec

PLACE = Place("r1", "lambdarig-r1", "172.18.0.1")


def config(spec: EnvironmentSpec, **changed: Any) -> dict[str, Any]:
    given = {"image": "i", "command": ("/lambda-entrypoint.sh", "h.h"), "port": 9001, "folder": Path("/state/env-x")}
    return container_config(spec, PLACE, **{**given, **changed})


# --- the document ---------------------------------------------------------------------------------------


def test_memory_and_swap_together_are_the_memory_size(spec: EnvironmentSpec) -> None:
    limits = config(replace(spec, function=replace(spec.function, memory_mb=256)))["HostConfig"]
    assert limits["Memory"] == limits["MemorySwap"] == 256 * 1024 * 1024


@pytest.mark.parametrize(("memory_mb", "quota"), [(128, 7236), (1769, 100_000), (3538, 200_000)])
def test_1769_mb_are_one_cpu(spec: EnvironmentSpec, memory_mb: int, quota: int) -> None:
    limits = config(replace(spec, function=replace(spec.function, memory_mb=memory_mb)))["HostConfig"]
    assert (limits["CpuPeriod"], limits["CpuQuota"]) == (100_000, quota)


@pytest.mark.parametrize("ours", [True, False])
def test_names_are_asked_of_the_rig_past_dockers_dns_where_nobody_else_is_in_the_network(
    spec: EnvironmentSpec, ours: bool
) -> None:
    host = container_config(spec, replace(PLACE, ours=ours), "i", ("h",), 9001, Path("/state/env-x"))["HostConfig"]
    mounted = {mount["Target"]: mount["Source"] for mount in host["Mounts"]}
    assert mounted.get("/etc/resolv.conf") == ("/state/env-x/resolv.conf" if ours else None)
    assert host["Dns"] == ["172.18.0.1"]


def test_labels_of_the_rig_win_over_those_of_the_spec(spec: EnvironmentSpec) -> None:
    labels = config(replace(spec, labels={"owner": "me", "lambdarig.rig": "other"}))["Labels"]
    assert labels == {"owner": "me", "lambdarig.rig": "r1", "lambdarig.environment": "probe/env-1"}


def test_trust_variables_are_set_with_a_bundle_unless_the_function_sets_its_own(spec: EnvironmentSpec) -> None:
    mine = replace(spec, ca_bundle=Path("/ca"), variables={"REQUESTS_CA_BUNDLE": "/var/task/mine.pem"})
    env = config(mine)["Env"]
    assert "SSL_CERT_FILE=/var/rig/ca.pem" in env
    assert "REQUESTS_CA_BUNDLE=/var/task/mine.pem" in env
    assert not [one for one in config(spec)["Env"] if "ca.pem" in one]


def test_the_hostname_is_the_environment_as_far_as_dns_allows(spec: EnvironmentSpec) -> None:
    assert config(spec)["Hostname"] == "probe-env-1"
    assert len(config(replace(spec, id="x" * 100))["Hostname"]) == 63


def test_a_container_is_named_after_rig_and_environment() -> None:
    assert container_name("r1", "a_b/env-1", "c0ffee") == "lambdarig-r1-a-b-env-1-c0ffee"


# --- paths of a rig that is itself in a container ------------------------------------------------------------


INSIDE = HostPaths.of_container({"Mounts": [
    {"Type": "bind", "Source": "/home/me/project", "Destination": "/work"},
    {"Type": "volume", "Name": "state", "Source": "/var/lib/docker/volumes/state/_data", "Destination": "/work/.state"},
    {"Type": "tmpfs", "Source": "", "Destination": "/work/tmp"},
]})


@pytest.mark.parametrize(("ours", "the_hosts"), [
    ("/work", "/home/me/project"),
    ("/work/code/x", "/home/me/project/code/x"),
    ("/work/.state/env-1", "/var/lib/docker/volumes/state/_data/env-1"),
])
def test_a_path_under_a_mount_is_the_hosts_path(ours: str, the_hosts: str) -> None:
    assert INSIDE.on_host(Path(ours)) == the_hosts


@pytest.mark.parametrize("path", ["/elsewhere", "/workshop", "/work/tmp/x"])
def test_a_path_that_only_the_rigs_container_has_is_refused(path: str) -> None:
    with pytest.raises(EngineError, match=r"docker-compose\.yml"):
        INSIDE.on_host(Path(path))


def test_outside_of_a_container_paths_stay(tmp_path: Path) -> None:
    assert HostPaths().on_host(tmp_path) == str(tmp_path.resolve())


# --- folders --------------------------------------------------------------------------------------------


def test_one_layer_is_used_where_it_lies(tmp_path: Path) -> None:
    assert merged_layers([tmp_path / "a"], tmp_path) == tmp_path / "a"
    assert merged_layers([], tmp_path) is None


def test_later_layers_lie_over_earlier_ones(tmp_path: Path) -> None:
    a = layer(tmp_path / "a", **{"python/x": "a", "python/only_a": "a", "file_then_folder": "a", "link": "a"})
    b = layer(tmp_path / "b", **{"python/x": "b", "file_then_folder/in_it": "b"})
    (b / "link").symlink_to("python/x")
    merged = merged_layers([a, b], tmp_path / "state")
    assert merged is not None
    assert {str(p.relative_to(merged)): p.read_text() for p in merged.rglob("*") if p.is_file()} == {
        "python/x": "b", "python/only_a": "a", "file_then_folder/in_it": "b", "link": "b"}
    assert os.readlink(merged / "link") == "python/x"


def test_a_merge_is_made_once_per_content_and_order(tmp_path: Path) -> None:
    a, b = layer(tmp_path / "a", x="a"), layer(tmp_path / "b", x="b")
    first = merged_layers([a, b], tmp_path)
    assert merged_layers([a, b], tmp_path) == first
    assert merged_layers([b, a], tmp_path) != first
    layer(a, y="new")
    assert merged_layers([a, b], tmp_path) != first


def test_code_that_lambdas_user_cannot_read_is_refused_with_the_way_out(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with pytest.raises(EngineError, match=f"chmod o\\+rx {tmp_path}"):
        readable(tmp_path)
