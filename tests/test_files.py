from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator import building
from emulator.errors import FileProblem, UsageError
from emulator.files import AwsStep, FunctionSpec, RigFile, RouteSpec, ScenarioFile, Step, load
from emulator.plain_yaml import BadYaml, parse
from emulator.scenario import check

WHOLE = """
functions:
  crm: {folder: code, handler: handler.handler, memory: 256, environment: {TOKEN: "${secrets.token.arn}"}}
apis:
  shop: {stage: dev, routes: {"GET /orders/{id}": crm, /any: crm}}
upstreams: stubs.yaml
databases: {orders-db: embedded, other: "postgresql://me:secret@localhost:5432/orders"}
secrets: {token: {accessToken: abc}, plain: text, day: 2001-02-03}
faults: [cold_start, {fault: aws_denied, match: {function: crm}}]
"""
STEPS = """
scenario: orders
steps:
  - {invoke: {function: crm}}
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "code").mkdir()
    (tmp_path / "stubs.yaml").write_text("hosts: {api.example.com: [{path: /, text: hello}]}")
    return tmp_path


@pytest.fixture
def write(folder):
    def make(text, name="rig.yaml"):
        path = folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return make


def told(act, path):
    """What it says, without the file's name at the beginning."""
    with pytest.raises(FileProblem) as caught:
        act()
    said = str(caught.value)
    assert said.startswith(f"{path}: ")
    assert "\n" not in said
    return said.removeprefix(f"{path}: ")


def refused(path, model=RigFile):
    return told(lambda: load(path, model), path)


def refused_check(path):
    loaded = load(path, RigFile)
    return told(lambda: building.check(loaded, path), path)


def test_a_rig_file_is_read_with_paths_relative_to_it(write, folder, monkeypatch):
    path = write(WHOLE)
    monkeypatch.chdir(folder.parent)
    loaded = load(Path(folder.name) / "rig.yaml", RigFile)
    assert loaded.functions["crm"].folder == folder / "code"
    assert loaded.upstreams == folder / "stubs.yaml"
    assert (loaded.functions["crm"].memory, loaded.functions["crm"].timeout) == (256, 3)
    assert loaded.secrets == {"token": {"accessToken": "abc"}, "plain": "text", "day": "2001-02-03"}
    building.check(loaded, path)


def test_a_scenario_is_a_rig_file_with_steps(write):
    loaded = load(write(WHOLE + STEPS), ScenarioFile)
    assert (loaded.scenario, loaded.seed, loaded.clock, loaded.engine) == ("orders", 0, "manual", "auto")
    assert loaded.steps[0].invoke.function == "crm"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "must be a mapping of keys, not None (choose from: apis, databases, faults, functions, relays, roles, "),
        ("- a", "must be a mapping of keys, not ['a'] (choose from: apis"),
        ("just words", "must be a mapping of keys, not 'just words' (choose from: apis"),
        ("a: [1", "line 1, column 6: bad YAML: while parsing a flow sequence, expected ',' or ']'"),
        ("a: 1\n\tb: 2", "line 2, column 1: bad YAML: while scanning for the next token, found character '\\t'"),
        ("faults: []\nfaults: [cold_start]", "line 2, column 1: bad YAML: the key 'faults' is there twice"),
        ("a: &a [*a]", "line 1, column 8: bad YAML: *a is inside &a"),
        ("a: *b", "line 1, column 4: bad YAML: found undefined alias 'b'"),
        ("a: .inf", "line 1, column 4: bad YAML: .inf is no number here"),
        ("a: !!int x", "bad YAML: a value does not fit its tag: invalid literal"),
        ("a: !!python/name:os.system x", "line 1, column 4: bad YAML: could not determine a constructor for the tag"),
        ("a: !!set {b}", "line 1, column 4: bad YAML: could not determine a constructor for the tag"),
        ("a: 1\n---\nb: 2", "line 2, column 1: bad YAML: expected a single document in the stream, but found"),
        ("[" * 3000, "bad YAML: it is nested too deeply"),
        (b"\x00\x01\x02", "bad YAML: unacceptable character #x0000: special characters are not allowed"),
        (b"\x89PNG\r\n\xff\xfe", "is no text: invalid start byte at byte 0"),
        ("a: " + "9" * 5000, "bad YAML: a value does not fit its tag: Exceeds the limit"),
    ],
)
def test_what_is_no_yaml_is_one_line_with_file_and_place(write, text, said):
    assert refused(write(text)).startswith(said)


def test_a_file_that_cannot_be_read_says_why(folder):
    assert refused(folder / "absent.yaml") == "no such file"
    assert refused(folder) == "cannot be read: Is a directory"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("function: {}", "function: unknown key (choose from: apis, databases, faults, functions, relays, roles, "),
        ("functions: []", "functions: Input should be a valid dictionary, not []"),
        ("functions: {crm: {}}", "functions.crm.folder: is missing"),
        ("functions: {crm: {folder: code}}", "functions.crm.handler: is missing"),
        ("functions: {crm: {folder: code, handler: ''}}", "functions.crm.handler: String should have at least"),
        ("functions: {my crm: {folder: code, handler: h}}", "functions.my crm.[key]: String should match pattern"),
        ("apis: {shop: {}}", "apis.shop.routes: is missing"),
        ("apis: {shop: {routes: {}, rotes: {}}}", "apis.shop.rotes: unknown key (choose from: access_log, "),
        ("apis: {shop: {routes: [a]}}", "apis.shop.routes: Input should be a valid dictionary, not ['a']"),
        ("apis: {shop: {routes: {/: 5}}}", "apis.shop.routes./: Input should be a valid string, not 5"),
        ("apis: {shop: {stage: a/b, routes: {}}}", "apis.shop.stage: String should match pattern"),
        ("upstreams: nowhere.yaml", "upstreams: no such file: "),
        ("upstreams: code", "upstreams: no such file: "),
        ("databases: {db: 5}", "databases.db: Input should be a valid string, not 5"),
        ("relays: {my cache: 'localhost:1'}", "relays.my cache.[key]: String should match pattern"),
        ("relays: {cache: 6379}", "relays.cache: Input should be a valid string, not 6379"),
        ("databases: embedded", "databases: Input should be a valid dictionary, not 'embedded'"),
        ("faults: cold_start", "faults: Input should be a valid list, not 'cold_start'"),
    ],
)  # fmt: skip
def test_a_wrong_key_or_value_is_one_line_with_its_place(write, text, said):
    assert refused(write(text)).startswith(said)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("memry: 1", "memry: unknown key (choose from: environment, ephemeral, folder, handler, memory, "),
        ("memory: 64", "memory: Input should be greater than or equal to 128, not 64"),
        ("memory: '128'", "memory: Input should be a valid integer, not '128'"),
        ("memory: 128.0", "memory: Input should be a valid integer, not 128.0"),
        ("timeout: true", "timeout: Input should be a valid integer, not True"),
        ("timeout: -1", "timeout: Input should be greater than or equal to 1, not -1"),
        ("reserved_concurrency: -1", "reserved_concurrency: Input should be greater than or equal to 0, not -1"),
        ("folder: 5", "folder: must be a path, not 5"),
        ("folder: nowhere", "folder: no such folder: "),
        ("folder: stubs.yaml", "folder: no such folder: "),
        ("role: 'me too'", "role: String should match pattern"),
        ("environment: {A: 1}", "environment.A: Input should be a valid string, not 1"),
        ("environment: [A]", "environment: Input should be a valid dictionary, not ['A']"),
        ("requirements: maybe", "requirements: Input should be a valid boolean, not 'maybe'"),
    ],
)
def test_a_wrong_key_or_value_of_a_function_is_one_line_with_its_place(write, more, said):
    written = {"folder": "code", "handler": "h"} | yaml.safe_load(more)
    assert refused(write(yaml.safe_dump({"functions": {"crm": written}}))).startswith(f"functions.crm.{said}")


def test_a_role_the_file_does_not_have_is_refused(write, folder):
    path = write("functions: {crm: {folder: code, handler: h, role: me}}\nroles: {you: {}}")
    loaded = load(path, RigFile)
    said = "functions.crm.role: unknown role 'me' (choose from: arn:aws:iam::123456789012:role/lambdarig, you)"
    assert told(lambda: building.check(loaded, path), path) == said


def function(**more):
    return {"functions": {"crm": {"folder": "code", "handler": "h", **more}}}


def api(route):
    return {"apis": {"shop": {"routes": {route: "crm"}}}}


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (api("/a"), "apis.shop.routes./a: unknown function 'crm'"),
        (function() | api("a"), "apis.shop.routes.a: must be `METHOD /path` or `/path` (choose from: ANY, DELETE, "),
        (function() | api("get /a"), "apis.shop.routes.get /a: must be `METHOD /path`"),
        (function() | api("GET  /a b"), "apis.shop.routes.GET  /a b: must be `METHOD /path`"),
        (function(runtime="cobol"), "functions.crm.runtime: unknown runtime 'cobol' (choose from: "),
        (
            function(environment={"A": "${secrets.x.arn}"}),
            "functions.crm.environment: ${secrets.x.arn} leads nowhere: unknown 'x' in secrets",
        ),
        (
            function(environment={"A": "x${apis.x.id}"}),
            "functions.crm.environment: ${apis.x.id} leads nowhere: unknown 'apis' (choose from: databases, relays, s",
        ),
        ({"databases": {"db": "mysql://host/x"}}, "databases.db: must be `embedded` or a PostgreSQL's URL: 'mysql:"),
        ({"databases": {"db": "postgresql://host:many/x"}}, "databases.db: must be `embedded` or a PostgreSQL's URL: "),
        (
            {"databases": {"db": "embedded"}, "relays": {"db": "localhost:1"}},
            "relays.db: there is a database of that name, which has a relay already",
        ),
        ({"relays": {"cache": "localhost"}}, "relays.cache: 'localhost' is no address: write host:port, such as"),
        ({"relays": {"cache": "redis://localhost:6379"}}, "relays.cache: 'redis://localhost:6379' is no address"),
        (
            function(environment={"A": "${relays.cash.address}"}) | {"relays": {"cache": "localhost:6379"}},
            "functions.crm.environment: ${relays.cash.address} leads nowhere: unknown 'cash' in relays (choose",
        ),
    ],
)
def test_what_one_part_says_of_another_must_be_so(write, written, said):
    assert refused_check(write(yaml.safe_dump(written))).startswith(said)


def test_a_stub_file_is_read_before_anything_starts(write, folder):
    path = write("upstreams: bad.yaml")
    bad = write("hosts: {api.example.com: [{text: hello}]}", "bad.yaml")
    loaded = load(path, RigFile)
    assert told(lambda: building.check(loaded, path), bad) == "hosts.api.example.com[0].path: field required"


def test_references_are_filled_wherever_they_stand():
    made = {"secrets": {"t": {"arn": "arn:1", "tags": ["a", {"b": 2}]}}}
    written = {"x": ["${secrets.t.arn}!", "${secrets.t.tags.1.b}"], "y": 3}
    assert building.resolve(written, made) == {"x": ["arn:1!", 2], "y": 3}
    assert building.filled("${secrets.t.tags}", made) == '["a", {"b": 2}]'
    assert building.filled("plain $ {text}", made) == "plain $ {text}"


@pytest.mark.parametrize("reference", ["secrets.u", "secrets.t.arn.x", "secrets.t.tags.7", "secrets.t.tags.-1", "x"])
def test_a_reference_that_leads_nowhere_says_where(reference):
    made = {"secrets": {"t": {"arn": "arn:1", "tags": ["a"]}}}
    with pytest.raises(UsageError, match=rf"unknown reference \$\{{{reference}}}, at '.*': choose one of"):
        building.resolve(f"${{{reference}}}", made)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2001-02-03", "2001-02-03"),
        ("a: 2001-99-99 10:00:00", {"a": "2001-99-99 10:00:00"}),
        ("{<<: {a: 1}, a: 2}", {"a": 2}),
        ("x: &b {a: 1}\ny: {<<: *b, c: 2}", {"x": {"a": 1}, "y": {"a": 1, "c": 2}}),
        ("{1: a, '1': b}", {1: "a", "1": "b"}),
        ("", None),
        ("[on, off, yes, No, y]", ["on", "off", "yes", "No", "y"]),
        ("[true, False, null, ~, ]", [True, False, None, None]),
        ("[12:30:45, 1:30, 007, 1_000, 0b1]", ["12:30:45", "1:30", "007", "1_000", "0b1"]),
        ("[1, -2, +3, 0, 0x1f, 1.5, -.5, 2., 1e3, 1.5E-3]", [1, -2, 3, 0, 31, 1.5, -0.5, 2.0, 1000.0, 0.0015]),
        ("a: 'off'", {"a": "off"}),
    ],
)
def test_plain_yaml_is_what_json_can_say(text, value):
    assert parse(text) == value


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=3),
    max_leaves=6,
)
MODELS = (ScenarioFile, FunctionSpec, RouteSpec, Step, AwsStep)
KEYS = st.sampled_from([key for model in MODELS for key in model.model_fields])
PARTS = st.dictionaries(KEYS, VALUES, max_size=3)
FILES = st.dictionaries(KEYS, VALUES | PARTS | st.lists(PARTS, max_size=3))


def outcome(act):
    """`fine`, or the one line; anything else escapes."""
    try:
        act()
    except FileProblem as problem:
        return str(problem)
    return "fine"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(FILES | VALUES)
def test_whatever_is_in_a_file_the_outcome_is_one_clear_line(folder, written):
    path = folder / "random.yaml"
    path.write_text(yaml.safe_dump(written, allow_unicode=True))
    for model, look in ((RigFile, building.check), (ScenarioFile, check)):
        said = outcome(lambda model=model, look=look: look(load(path, model), path))
        assert said == "fine" or said.startswith(f"{path}: ")
        assert "\n" not in said


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=60) | st.text(alphabet="abc:-[]{}&*!|>'\"#%@` \n\t0.", max_size=60).map(str.encode))
def test_whatever_bytes_are_in_a_file_the_outcome_is_one_clear_line(folder, written):
    path = folder / "random.yaml"
    path.write_bytes(written)
    said = outcome(lambda: load(path, RigFile))
    assert said == "fine" or said.startswith(f"{path}: ")
    assert "\n" not in said


@given(st.text())
def test_whatever_is_typed_is_a_value_or_bad_yaml(text):
    try:
        parse(text)
    except BadYaml as problem:
        said = str(problem)
    else:
        said = ""
    assert "\n" not in said
