"""What botocore signs is verified; what was changed on the way is not. Texts as AWS sends them."""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import datetime, timezone
from email.utils import format_datetime
from urllib.parse import quote, urlsplit

import pytest
import requests
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.utils import normalize_url_path
from hypothesis import assume, given
from hypothesis import strategies as st

from emulator.aws.sigv4 import Refusal, read, verify
from emulator.clock import Clock

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
HOST = "abc123.execute-api.us-east-1.amazonaws.com"
KEYS = Credentials("AKIDEXAMPLE", SECRET)
SESSION = Credentials("ASIDEXAMPLE", SECRET, "token+with/every=character")

segments = st.text("abcXYZ019-._~ /%:+?#&=é@*(),;!$'", max_size=12)
paths = st.builds(lambda text: "/" + quote(text, safe="/"), segments)
words = st.text(min_size=1, max_size=6)
queries = st.lists(st.tuples(words, st.text(max_size=6)), max_size=4).map(
    lambda pairs: "&".join(f"{quote(key, safe='-_.~')}={quote(value, safe='-_.~')}" for key, value in pairs)
)
values = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12).map(lambda text: f"a {text} z")
headers = st.dictionaries(st.sampled_from(["X-One", "Content-Type", "x-amz-meta-two", "Accept"]), values, max_size=3)
methods = st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH"])
bodies = st.binary(max_size=30)


def now():
    return Clock().wall()


def sent(request, body=b""):
    """The request as it would arrive: method, raw path, raw query, headers, body."""
    address = urlsplit(request.url)
    pairs = [("Host", address.netloc), *((name, str(value)) for name, value in request.headers.items())]
    return request.method, address.path or "/", address.query, pairs, body


def signed(method="POST", path="/prod/orders", query="", fields=None, body=b"{}", auth=SigV4Auth, keys=KEYS,
           service="execute-api", region="us-east-1"):  # fmt: skip
    url = f"https://{HOST}{path}" + (f"?{query}" if query else "")
    request = AWSRequest(method, url, data=body, headers=fields or {})
    auth(keys, service, region).add_auth(request)
    return sent(request, body)


def checked(arrived, secret=SECRET, at=None, region="us-east-1", service="execute-api"):
    found = read(*arrived)
    assert found is not None
    return verify(found, secret, now() if at is None else at, region, service)


def changed(arrived, **parts):
    """The same with some of method, path, query, headers, body replaced."""
    names = ("method", "path", "query", "headers", "body")
    return tuple(parts.get(name, value) for name, value in zip(names, arrived, strict=True))


def with_header(arrived, name, value):
    kept = [(n, v) for n, v in arrived[3] if n.lower() != name.lower()]
    return changed(arrived, headers=[*kept, (name, value)] if value is not None else kept)


# --- what is signed, verifies ---


@given(methods, paths, queries, headers, bodies, st.sampled_from([KEYS, SESSION]))
def test_what_botocore_signs_verifies(method, path, query, fields, body, keys):
    arrived = signed(method, path, query, fields, body, keys=keys)
    assert checked(arrived) is None
    claimed = read(*arrived)
    assert (claimed.access_key, claimed.region, claimed.service) == (keys.access_key, "us-east-1", "execute-api")
    assert claimed.token == (keys.token or "")


@given(methods, paths, queries, st.sampled_from([KEYS, SESSION]))
def test_what_botocore_presigns_verifies(method, path, query, keys):
    assume("%00" not in query)
    arrived = signed(method, path, query, body=b"", auth=SigV4QueryAuth, keys=keys)
    assert checked(arrived) is None
    claimed = read(*arrived)
    assert (claimed.access_key, claimed.token, claimed.expires) == (keys.access_key, keys.token or "", 3600)


@given(paths, queries, headers, bodies)
def test_what_requests_sends_of_a_signed_request_verifies(path, query, fields, body):
    """The client between the signer and the network may write the URL in its own way."""
    arrived = signed("POST", path, query, fields, body)
    url = f"https://{HOST}{arrived[1]}" + (f"?{arrived[2]}" if arrived[2] else "")
    prepared = requests.Request("POST", url, headers=dict(arrived[3]), data=body).prepare()
    address = urlsplit(prepared.url)
    assume((address.path, address.query) == (arrived[1], arrived[2]))  # else requests has changed what was signed
    kept = [(name, value if isinstance(value, str) else value.decode()) for name, value in prepared.headers.items()]
    assert checked((prepared.method, address.path, address.query, kept, prepared.body or b"")) is None


@given(paths, bodies)
def test_s3_paths_are_taken_as_they_are(path, body):
    arrived = signed("PUT", path, body=body, auth=S3SigV4Auth, service="s3")
    assert checked(arrived, service="s3") is None
    presigned = signed("PUT", path, body=b"", auth=S3SigV4QueryAuth, service="s3")
    assert checked(changed(presigned, body=body), service="s3") is None  # its body is not signed


@pytest.mark.parametrize("path", ["//prod//orders/", "/prod/a%2Fb/c", "/prod/a%20b", "/prod/./x/../orders", "/a:b"])
def test_paths_are_normalised_as_botocore_does(path):
    assert checked(signed("GET", path, body=b"")) is None


def test_a_query_may_be_signed_by_what_it_means():
    """Other SDKs encode parameters themselves, and their HTTP client writes `+` for a space."""
    arrived = signed("GET", query="q=a%20b&r=%2B", body=b"")
    assert checked(changed(arrived, query="q=a+b&r=%2B")) is None
    assert checked(changed(arrived, query="r=%2B&q=a+b")) is None
    assert checked(changed(arrived, query="q=a%2Bb&r=%2B")) is not None


def test_a_body_may_stay_unsigned():
    arrived = signed(fields={"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"})
    assert checked(changed(arrived, body=b"anything")) is None


def test_a_hash_of_another_body_is_no_signature_of_this_one():
    arrived = signed(fields={"X-Amz-Content-SHA256": read(*signed()).payload_hash})
    assert checked(arrived) is None
    assert checked(changed(arrived, body=b"other")) is not None


def test_the_date_may_be_in_the_date_header():
    arrived = signed(fields={"Date": format_datetime(datetime.now(timezone.utc), usegmt=True)})
    assert "x-amz-date" not in dict(read(*arrived).headers)
    assert checked(arrived) is None


def test_repeated_headers_are_signed_together():
    request = AWSRequest("GET", f"https://{HOST}/")
    request.headers["X-Many"], request.headers["X-Many"] = "one", "two"
    SigV4Auth(KEYS, "execute-api", "us-east-1").add_auth(request)
    arrived = sent(request)
    assert [value for name, value in arrived[3] if name == "X-Many"] == ["one", "two"]
    assert checked(arrived) is None
    assert checked(with_header(arrived, "X-Many", "one")) is not None


# --- what was changed, does not ---


@given(st.data(), methods, paths, queries, bodies)
def test_a_changed_byte_anywhere_does_not_verify(data, method, path, query, body):
    arrived = signed(method, path, f"k=v&{query}" if query else "k=v", {"X-One": "abc"}, body + b"x")
    part = data.draw(st.sampled_from(["method", "path", "query", "header", "body", "signature"]))
    if part == "header":
        spoilt = with_header(arrived, "X-One", "abd")
    elif part == "signature":
        authorization = dict(arrived[3])["Authorization"]
        spoilt = with_header(arrived, "Authorization", authorization[:-1] + ("0" if authorization[-1] != "0" else "1"))
    elif part == "body":
        at = data.draw(st.integers(0, len(body)))
        flipped = bytearray(arrived[4])
        flipped[at] ^= data.draw(st.integers(1, 255))
        spoilt = changed(arrived, body=bytes(flipped))
    elif part == "method":
        spoilt = changed(arrived, method=data.draw(methods.filter(lambda other: other != method)))
    else:
        text = arrived[1] if part == "path" else arrived[2]
        places = [i for i, letter in enumerate(text) if letter.isalnum() and text[max(0, i - 2) : i].count("%") == 0]
        at = data.draw(st.sampled_from(places)) if places else len(text)
        other = "Q" if text[at : at + 1] != "Q" else "R"
        spoilt = changed(arrived, **{part: text[:at] + other + text[at + 1 :]})
        assume(normalize_url_path(spoilt[1]) != normalize_url_path(arrived[1]) or part == "query")  # `/a/..` is `/`
    refused = checked(spoilt)
    assert refused.code == "InvalidSignatureException"
    assert refused.message.startswith("The request signature we calculated does not match")


def test_another_secret_does_not_verify():
    assert checked(signed(), secret="x").code == "InvalidSignatureException"


def test_a_signed_header_that_is_gone_does_not_verify():
    assert checked(with_header(signed(fields={"X-One": "1"}), "X-One", None)).code == "InvalidSignatureException"


def test_a_header_that_was_not_signed_may_change():
    assert checked(with_header(signed(), "User-Agent", "browser")) is None


def test_the_refusal_shows_what_should_have_been_signed():
    arrived = signed("GET", "/prod/a b", "q=1", body=b"")
    stamp = dict(arrived[3])["X-Amz-Date"]
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    told = checked(arrived, secret="x").message
    head, canonical, text = told.split("\n\nThe ")
    assert head == (
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access "
        "Key and signing method. Consult the service documentation for details."
    )
    assert canonical == (
        f"Canonical String for this request should have been\n'GET\n/prod/a%20b\nq=1\nhost:{HOST}\nx-amz-date:{stamp}\n"
        f"\nhost;x-amz-date\n{empty}'"
    )
    assert re.fullmatch(
        "String-to-Sign should have been\n'AWS4-HMAC-SHA256\n"
        rf"{stamp}\n{stamp[:8]}/us-east-1/execute-api/aws4_request\n[0-9a-f]{{64}}'\n", text,
    )  # fmt: skip


def test_s3_says_it_shorter():
    refused = checked(signed("GET", auth=S3SigV4Auth, service="s3"), secret="x", service="s3")
    assert refused.message.endswith("Check your key and signing method.")


# --- time and scope ---


def test_a_signature_is_good_for_five_minutes():
    arrived = signed()
    moment = datetime.strptime(dict(arrived[3])["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
    at = moment.timestamp()
    assert checked(arrived, at=at + 300) is None
    assert checked(arrived, at=at - 300) is None

    def stamp(shift):
        return datetime.fromtimestamp(at + shift, timezone.utc).strftime("%Y%m%dT%H%M%SZ")

    assert checked(arrived, at=at + 301) == Refusal(
        "InvalidSignatureException",
        f"Signature expired: {stamp(0)} is now earlier than {stamp(1)} ({stamp(301)} - 5 min.)",
    )
    assert checked(arrived, at=at - 301) == Refusal(
        "InvalidSignatureException",
        f"Signature not yet current: {stamp(0)} is still later than {stamp(-1)} ({stamp(-301)} + 5 min.)",
    )


def test_a_presigned_url_is_good_as_long_as_it_says():
    arrived = signed("GET", body=b"", auth=lambda *given: SigV4QueryAuth(*given, expires=900))
    assert checked(arrived, at=now() + 890) is None
    assert checked(arrived, at=now() + 910).message.startswith("Signature expired: ")


def test_s3_has_refusals_of_its_own():
    arrived = signed("GET", auth=S3SigV4Auth, service="s3")
    assert checked(arrived, service="s3", at=now() + 850) is None
    assert checked(arrived, service="s3", at=now() + 910).code == "RequestTimeTooSkewed"
    presigned = signed("GET", body=b"", auth=S3SigV4QueryAuth, service="s3")
    late = checked(presigned, service="s3", at=now() + 3700)
    assert late == Refusal("AccessDeniedException", "Request has expired")
    for seconds, code in ((604800, ""), (604801, "AuthorizationQueryParametersError")):
        week = signed("GET", body=b"", auth=lambda *given, s=seconds: S3SigV4QueryAuth(*given, expires=s), service="s3")
        assert getattr(checked(week, service="s3"), "code", "") == code


def test_the_scope_names_region_and_service():
    arrived = signed(region="eu-west-1", service="lambda")
    refused = checked(arrived)
    assert refused == Refusal(
        "InvalidSignatureException",
        "Credential should be scoped to a valid region, not 'eu-west-1'. "
        "Credential should be scoped to correct service: 'execute-api'.",
    )
    assert checked(arrived, region="", service="") is None


def test_the_day_of_the_scope_is_the_dates():
    arrived = signed()
    day = dict(arrived[3])["X-Amz-Date"][:8]
    authorization = dict(arrived[3])["Authorization"].replace(f"/{day}/", "/20110909/")
    refused = checked(with_header(arrived, "Authorization", authorization))
    assert refused.message.startswith(
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
        f"'20110909' != '{day}', from '{day}T"
    )


# --- what claims nothing ---


def test_an_unsigned_request_is_not_read():
    assert read("GET", "/", "a=b", [("Host", HOST)], b"") is None
    assert read("GET", "/", "", [("Authorization", "Bearer x")], b"") is None


STAMP = [("Host", HOST), ("X-Amz-Date", "20260101T000000Z")]
CREDENTIAL = "Credential=A/20260101/us-east-1/execute-api/aws4_request"


def problem(authorization):
    found = read("GET", "/", "", [*STAMP, ("Authorization", authorization)], b"")
    assert verify(found, SECRET, now()) == found.problem
    assert found.problem.code == "IncompleteSignatureException"
    return found.problem.message


def hashed(authorization):
    return base64.b64encode(hashlib.sha256(authorization.encode()).digest()).decode()


def test_a_header_without_equal_signs_is_a_problem():
    assert problem("AWS4-HMAC-SHA256 nonsense") == (
        "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with "
        f"Base64): '{hashed('AWS4-HMAC-SHA256 nonsense')}'."
    )


def test_what_is_missing_in_the_header_is_named():
    authorization = f"AWS4-HMAC-SHA256 {CREDENTIAL}"
    assert problem(authorization) == (
        "Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. "
        f"(Hashed with SHA-256 and encoded with Base64) Authorization={hashed(authorization)}"
    )


def test_a_credential_has_five_parts():
    assert problem("AWS4-HMAC-SHA256 Credential=A/B, SignedHeaders=host, Signature=0") == (
        "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'A/B'"
    )


def test_a_header_without_a_date_is_a_problem():
    authorization = ("Authorization", f"AWS4-HMAC-SHA256 {CREDENTIAL}, SignedHeaders=host, Signature=0")
    assert read("GET", "/", "", [("Host", HOST), authorization], b"").problem.message.startswith(
        "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. (Hashed"
    )
    wrong = read("GET", "/", "", [("Host", HOST), ("X-Amz-Date", "today"), authorization], b"")
    assert wrong.problem.message.startswith("Date must be in ISO-8601 'basic format'. Got 'today'.")


def test_a_date_header_at_the_end_of_time_is_a_problem():
    authorization = "AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=host, Signature=0"
    fields = [("Date", "Fri, 31 Dec 9999 23:59:59 -2300"), ("Authorization", authorization)]
    assert read("GET", "/", "", fields, b"").problem.message.startswith("Date must be in ISO-8601 'basic format'.")


def test_an_incomplete_query_is_a_problem():
    found = read("GET", "/", "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20260101T000000Z", [("Host", HOST)], b"")
    assert found.problem == Refusal(
        "IncompleteSignatureException",
        "AWS query-string parameters must include 'X-Amz-Credential'. AWS query-string parameters must include "
        "'X-Amz-Signature'. AWS query-string parameters must include 'X-Amz-SignedHeaders'. "
        "Re-examine the query-string parameters.",
    )


def test_the_host_has_to_be_signed():
    arrived = signed()
    authorization = dict(arrived[3])["Authorization"].replace("host;", "")
    refused = checked(with_header(arrived, "Authorization", authorization))
    assert refused.message == "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_nothing_a_client_writes_raises(authorization, query, date):
    pairs = [("Host", HOST), ("X-Amz-Date", date), ("Authorization", f"AWS4-HMAC-SHA256 {authorization}")]
    for fields in (pairs, pairs[:2]):
        found = read("GET", "/", f"X-Amz-Signature=1&{query}", fields, b"")
        assert verify(found, SECRET, now()) is not None
