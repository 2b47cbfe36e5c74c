"""Inputs of operations from botocore's service models, for hypothesis: as the model wants them, and spoilt."""

import copy
import functools
import json
import re
from io import BytesIO
from urllib.parse import quote, urlencode

from hypothesis import strategies as st

CANDIDATES = (
    "abc", "a", "1", "https://example.com/x", "https://example.com/token?x=1", "arn:aws:iam::123456789012:role/r",
    "arn:aws:secretsmanager:us-east-1:123456789012:secret:s",
    "arn:aws:kms:us-east-1:123456789012:key/k-1", "arn:aws:lambda:us-east-1:123456789012:function:crm",
    "arn:aws:appflow:us-east-1:123456789012:flow/contacts", "upsolver-appflow-bucket", "00D000000000000",
    "123", "com.amazonaws.vpce.us-east-1.vpce-svc-0000000000000000", "2020-01-01T00:00:00Z", "abc.example.com",
)
_JUNK = (
    None, True, False, 0, -1, 1, 10**30, -(10**30), 1e308, 5e-324, 0.5, "", " ", "x" * 5000, "é", "a\x00b", "\ud800",
    "\U0001f642", "a\nb", "-1", "1e400", "true", "null",
    "2020-13-45T99:99:99+99:99", "0001-01-01T00:00:00Z", "../..", "${x}",
    "arn:", [], [None], [[]], {}, {"a": None}, {"": ""}, {"__type": "x"}, [{}] * 300, {f"k{n}": "v" for n in range(60)},
)  # fmt: skip
JUNK = st.integers(0, len(_JUNK) - 1).map(_JUNK.__getitem__) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3), max_leaves=8,
)
BODIES = st.sampled_from([
    b"", b" ", b"null", b"true", b"0", b'""', b"[]", b"[{}]", b"{}", b"{", b'{"flowName"', b"\x00",
    b"\xff\xfe{\x00}\x00", b"\xef\xbb\xbf{}", b"[" * 100_000, b'{"a":' * 20_000,
    b'{"flowName":' + b"[" * 5000 + b"]" * 5000 + b"}",
    b'{"flowName": NaN}', b'{"maxResults": Infinity}', b'{"maxResults": ' + b"9" * 5000 + b"}", b"\x1f\x8b\x08\x00",
    b"flowName=contacts", b"<flowName/>", b'{"flowName": "a", "flowName": "b"}', b'{"flowName": "\\ud800"}', b"{}{}",
]) | st.binary(max_size=40)  # fmt: skip


class Inputs:
    """known: values for strings by their shapes' names, so that what exists is met. whole: inputs of operations that do
    what they say, to be spoilt."""

    def __init__(self, model, known, whole):
        self.model, self.known, self.whole = model, known, whole

    def good(self, operation):
        """JSON values that keep to the model."""
        shape = self.model.operation_model(operation).input_shape
        return self._of(shape.name)

    @functools.cache  # noqa: B019  (as long as its tests)
    def _of(self, name):
        return self._made(self.model.shape_for(name))

    def _made(self, shape):
        rules, kind = shape.metadata, shape.type_name
        if kind == "structure":
            return self._structure(shape)
        if kind == "list":
            least = rules.get("min", 0)
            return st.lists(st.deferred(lambda: self._of(shape.member.name)), min_size=least, max_size=least + 2)
        if kind == "map":
            return st.dictionaries(self._of(shape.key.name), self._of(shape.value.name), max_size=2)
        if kind in ("integer", "long"):
            return st.integers(rules.get("min", 0), rules.get("max", 100))
        if kind in ("float", "double"):
            return st.floats(0, 100)
        if kind == "boolean":
            return st.booleans()
        if kind == "timestamp":
            return st.sampled_from([0, 1655204700, 4102444800.5])
        return st.sampled_from(self._strings(shape))

    def _strings(self, shape):
        rules = shape.metadata
        if found := self.known.get(shape.name):
            return found
        if "enum" in rules:
            return rules["enum"]
        pattern = re.compile(rules.get("pattern", ".*").replace("\\uD800\\uDC00-\\uDBFF\\uDFFF", ""))
        least, most = rules.get("min", 0), rules.get("max", 2048)
        fitting = [text for text in CANDIDATES if pattern.fullmatch(text) and least <= len(text) <= most]
        assert fitting, f"no candidate for {shape.name}: {rules}"
        return fitting[:3]

    def _structure(self, shape):
        needed = {name: member.name for name, member in shape.members.items() if name in shape.required_members}
        free = {name: member.name for name, member in shape.members.items() if name not in needed}

        @st.composite
        def drawn(draw):
            taken = draw(st.lists(st.sampled_from(sorted(free)), max_size=3, unique=True)) if free else []
            return {name: draw(self._of((needed | free)[name])) for name in [*needed, *taken]}

        return st.deferred(drawn)

    def either(self, operation):
        """Good ones, and those that do what they say."""
        whole = st.sampled_from(self.whole[operation]) if operation in self.whole else st.nothing()
        return whole | self.good(operation)

    def bad(self, operation):
        """JSON values, spoilt in one to three places: another type, a limit broken, a member missing, or too many."""
        places = st.lists(st.tuples(st.randoms(), JUNK), min_size=1, max_size=3)
        return st.builds(spoilt, self.either(operation), places)

    def sent(self, operation, value):
        """(method, path, query, body) of a request with these members."""
        operation_model = self.model.operation_model(operation)
        members = operation_model.input_shape.members
        value = value if isinstance(value, dict) else {}
        placed = {name: shape.serialization for name, shape in members.items() if shape.serialization.get("location")}
        path, query = operation_model.http["requestUri"], []
        for name, place in placed.items():
            given = value.get(name)
            if place["location"] == "uri":
                text = quote(_text("" if given is None else given), safe="")
                path = path.replace("{" + place["name"] + "}", text)
            elif given is not None:
                query += [(place["name"], _text(item)) for item in (given if isinstance(given, list) else [given])]
        body = {name: item for name, item in value.items() if name not in placed}
        return operation_model.http["method"], path, urlencode(query), json.dumps(body).encode()


def _text(value):
    text = value if isinstance(value, str) else json.dumps(value)
    return text.encode("utf-8", "replace").decode()


def spoilt(value, places):
    """A copy with junk somewhere."""
    made = {"": copy.deepcopy(value)}
    for random, junk in places:
        inside, key = made, ""
        while isinstance(inside[key], dict | list) and inside[key] and random.random() < 0.75:
            inside = inside[key]
            key = random.choice(sorted(inside)) if isinstance(inside, dict) else random.randrange(len(inside))
        what = random.randrange(4)
        if what == 0 and inside is not made:
            del inside[key]
        elif what == 1 and isinstance(inside[key], list):
            inside[key] *= 120
        elif what == 2 and isinstance(inside[key], dict):
            inside[key] = {**inside[key], "unknown": junk}
        else:
            inside[key] = copy.deepcopy(junk)
    return made[""]


def raw(rig, method, path, query="", body=b"", content_type="application/json"):
    """(status, headers, body) of one signed request."""
    answered = []
    environ = {
        "REQUEST_METHOD": method, "REQUEST_URI": path + (f"?{query}" if query else ""), "QUERY_STRING": query,
        "wsgi.input": BytesIO(body), "CONTENT_LENGTH": str(len(body)), "CONTENT_TYPE": content_type,
        "HTTP_AUTHORIZATION": "AWS4-HMAC-SHA256 Credential=AKIAX/20260101/us-east-1/appflow/aws4_request, x",
    }
    body = b"".join(rig.endpoint(environ, lambda status, headers: answered.extend((status, headers))))
    return int(answered[0].split()[0]), dict(answered[1]), body
