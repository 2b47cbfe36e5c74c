"""Routing: the most specific resource that has the method (measured on AWS, see the module)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.frontdoors.rest_router import Router, segments


def router(*routes: str) -> Router[str]:
    made: Router[str] = Router()
    for route in routes:
        method, template = route.split(" ")
        made.add(method, template, route)
    return made


MEASURED = router(
    "GET /users/{userId}", "PATCH /users/me", "POST /roles/provision", "GET /roles/{roleId}",
    "GET /things/real", "ANY /things/{proxy+}", "GET /jobs/{operation}", "OPTIONS /cors_only", "POST /test",
    "ANY /test/any", "OPTIONS /{proxy+}", "GET /{proxy+}",
)


@pytest.mark.parametrize(("method", "path", "route", "parameters"), [
    ("GET", "/users/me", "GET /users/{userId}", {"userId": "me"}),
    ("PATCH", "/users/me", "PATCH /users/me", {}),
    ("GET", "/users/abc123", "GET /users/{userId}", {"userId": "abc123"}),
    ("POST", "/roles/provision", "POST /roles/provision", {}),
    ("GET", "/roles/provision", "GET /roles/{roleId}", {"roleId": "provision"}),
    ("GET", "/things/real", "GET /things/real", {}),
    ("POST", "/things/real", "ANY /things/{proxy+}", {"proxy": "real"}),
    ("GET", "/jobs", "GET /{proxy+}", {"proxy": "jobs"}),
    ("GET", "/cors_only", "GET /{proxy+}", {"proxy": "cors_only"}),
    ("OPTIONS", "/test", "OPTIONS /{proxy+}", {"proxy": "test"}),
    ("OPTIONS", "/test/any", "ANY /test/any", {}),
    ("GET", "/a/b/", "GET /{proxy+}", {"proxy": "a/b"}),
    ("GET", "/a//b", "GET /{proxy+}", {"proxy": "a//b"}),
    ("GET", "/a%2Fb/c+d", "GET /{proxy+}", {"proxy": "a%2Fb/c+d"}),
])
def test_what_aws_was_seen_to_choose(method, path, route, parameters):
    assert MEASURED.match(method, path) == (route, parameters)


@pytest.mark.parametrize(("method", "path"), [("POST", "/users/me"), ("GET", "/"), ("POST", "/nothing/here")])
def test_no_route_with_that_method_is_none(method, path):
    assert MEASURED.match(method, path) is None


def test_greedy_needs_at_least_one_segment():
    routes = router("ANY /things/{proxy+}")
    assert routes.match("GET", "/things") is None
    assert routes.match("GET", "/things/") is None


def test_a_parameter_does_not_take_an_empty_segment():
    assert router("GET /a/{id}/c").match("GET", "/a//c") is None


def test_the_root_is_a_route_of_its_own():
    assert router("GET /").match("GET", "") == ("GET /", {})


def test_a_declared_method_comes_before_any():
    assert router("ANY /a", "GET /a").match("GET", "/a") == ("GET /a", {})


def test_two_parameters_are_named_by_their_own_route():
    routes = router("GET /a/{x}/one", "GET /a/{y}/two")
    assert routes.match("GET", "/a/1/two") == ("GET /a/{y}/two", {"y": "1"})


SEGMENT = st.sampled_from(["a", "b", "c", "{p}", "{q+}"])
PATH = st.lists(st.text("abc/%{}+ é\x00", min_size=0, max_size=4), max_size=6).map("/".join)


@given(
    routes=st.lists(st.tuples(st.sampled_from(["GET", "POST", "ANY"]), st.lists(SEGMENT, max_size=4)), max_size=8),
    method=st.sampled_from(["GET", "POST", "DELETE"]), path=PATH,
)
def test_match_never_raises_and_what_it_gives_fits(routes, method, path):
    made: Router[tuple[str, list[str]]] = Router()
    for declared, parts in routes:
        template = parts[: parts.index("{q+}") + 1] if "{q+}" in parts else parts
        made.add(declared, "/" + "/".join(template), (declared, template))
    found = made.match(method, path)
    exact = [p for m, p in routes if m in (method, "ANY") and p == segments(path)]
    if found is None:
        assert not exact
        return
    (declared, template), parameters = found
    assert declared in (method, "ANY")
    rebuilt = [parameters[part[1:-1].rstrip("+")] if part.startswith("{") else part for part in template]
    assert "/".join(rebuilt) == "/".join(segments(path)) or len(set(template)) < len(template)
    if exact:
        assert not any(part.startswith("{") for part in template)
