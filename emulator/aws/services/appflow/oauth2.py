"""OAuth 2.0 for custom connectors' profiles: what AppFlow asks of a token endpoint, and what it makes of the answer.

The connector's configuration says how its endpoints are asked (`oAuth2Defaults`: form or JSON, POST or GET, the
client's credentials in a Basic header), the profile which one and for which grant. Requests are RFC 6749's;
`code_verifier` is RFC 7636's. JWT_BEARER is in the API's enum, but its OAuth2Credentials have no member for the JWT.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus, urlencode

from emulator.aws.modelled import ServiceError
from emulator.frontdoors.appflow import PRINCIPAL, refused_credentials
from emulator.model import UpstreamReply
from emulator.saas import Asker, NoAnswer, Request, SaasHosts

LIMIT_S = 10.0  # that an endpoint may take: AppFlow's for connectors' metadata; for endpoints it is ours
EARLY_S = 60.0  # before its end an access token is replaced, or a tenth of its life if that is less (ours)
ACTIONS = {"authorization_code": "AuthorizationCode", "client_credentials": "ClientCredentials",
           "refresh_token": "RefreshToken"}
Text = Mapping[str, str]


@dataclass(frozen=True)
class Granted:
    """What an endpoint gave. life_s: seconds from now, None where it does not say. refresh_token may be empty: the old
    one stays."""

    access_token: str
    refresh_token: str = ""
    life_s: float | None = None

    @property
    def renew_after_s(self) -> float | None:
        """Seconds after which it is replaced."""
        return None if self.life_s is None else self.life_s - min(EARLY_S, self.life_s / 10)


@dataclass(frozen=True)
class Endpoint:
    """Where a profile's tokens come from, and how they are asked for. more: tokenUrlCustomProperties."""

    url: str
    grant_type: str
    more: Text
    scopes: tuple[str, ...] = ()
    as_json: bool = False
    by_get: bool = False
    basic: bool = False

    @classmethod
    def of(cls, defaults: Any, properties: Mapping[str, Any]) -> Endpoint:
        """defaults: the connector's oAuth2Defaults, None where it has none. properties: OAuth2Properties."""
        given = properties["tokenUrl"], properties["oAuth2GrantType"], properties.get("tokenUrlCustomProperties") or {}
        if defaults is None:
            return cls(*given)
        return cls(
            *given, tuple(defaults.oAuthScopes or ()), defaults.oAuth2ContentType == "APPLICATION_JSON",
            defaults.oAuth2MethodType == "HTTP_GET", bool(defaults.addBasicAuthHeader),
        )

    def request(self, client: Text, grant: Text) -> Request:
        """client: clientId and clientSecret, either of which may be missing."""
        headers, wanted = {"accept": "application/json"}, dict(grant)
        identity, secret = client.get("clientId", ""), client.get("clientSecret", "")
        if self.basic and identity:
            pair = f"{quote_plus(identity)}:{quote_plus(secret)}".encode()
            headers["authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        else:
            wanted |= {name: value for name, value in (("client_id", identity), ("client_secret", secret)) if value}
        wanted |= self.more
        if self.by_get:
            return Request("GET", f"{self.url}{'&' if '?' in self.url else '?'}{urlencode(wanted)}", headers)
        kind = "application/json" if self.as_json else "application/x-www-form-urlencoded"
        body = json.dumps(wanted) if self.as_json else urlencode(wanted)
        sized = {"content-type": kind, "content-length": str(len(body.encode()))}
        return Request("POST", self.url, {**headers, **sized}, body.encode())


def problems(label: str, defaults: Any, properties: Mapping[str, Any]) -> Iterator[str]:
    """Why these OAuth2Properties do not fit what the connector says of itself. (The sentences are ours.)"""
    if defaults is None:
        return
    url, grant_type = properties["tokenUrl"], properties["oAuth2GrantType"]
    if defaults.tokenURL and url not in defaults.tokenURL:
        yield f"tokenUrl {url} is none of connector:{label}: it has {', '.join(defaults.tokenURL)}."
    supported = defaults.oAuth2GrantTypesSupported
    if supported and grant_type not in supported:
        yield f"Connector:{label} does not support oAuth2GrantType {grant_type}: it supports {', '.join(supported)}."
    given = properties.get("tokenUrlCustomProperties") or {}
    for one in defaults.oAuth2CustomProperties or ():
        if one.required and one.type == "TOKEN_URL" and one.key not in given:
            yield f"tokenUrlCustomProperties.{one.key} is required by connector:{label}."


def first_grant(label: str, endpoint: Endpoint | None, block: Mapping[str, Any]) -> Text | None:
    """What a profile's tokens are asked for with; None where its OAuth2Credentials have an access token already.
    ValidationException where they have nothing to ask with."""
    if block.get("accessToken"):
        return None
    asked = block.get("oAuthRequest") or {}
    if endpoint is None:
        if asked.get("authCode") or block.get("refreshToken") or block.get("clientSecret"):
            raise ServiceError("ValidationException", f"oAuth2Properties are required for connector: {label}")
    elif endpoint.grant_type == "JWT_BEARER":
        message = "lambdarig does not exchange JWT_BEARER assertions: the API has no member for them in the credentials"
        raise ServiceError("ValidationException", f"{message} of a custom connector. Give an accessToken: {label}")
    elif endpoint.grant_type == "CLIENT_CREDENTIALS":
        if block.get("clientId") and block.get("clientSecret"):
            return _client_credentials(endpoint)
        message = f"Validation exception: ClientId and ClientSecret cannot be blank for connector: {label}"
        raise ServiceError("ValidationException", message)
    elif asked.get("authCode"):
        names = {"code": "authCode", "redirect_uri": "redirectUri", "code_verifier": "codeVerifier"}
        given = {name: asked[member] for name, member in names.items() if asked.get(member)}
        return {"grant_type": "authorization_code", **given}
    elif block.get("refreshToken"):
        return _refresh(block)
    raise ServiceError("ValidationException", f"Validation exception: AuthCode cannot be blank for connector: {label}")


def next_grant(endpoint: Endpoint, kept: Text) -> Text | None:
    """What another access token is asked for with, from what is in the secret; None where nothing is."""
    if endpoint.grant_type == "CLIENT_CREDENTIALS" and kept.get("clientId") and kept.get("clientSecret"):
        return _client_credentials(endpoint)
    return _refresh(kept) if kept.get("refreshToken") else None


def ask(hosts: SaasHosts, profile: str, endpoint: Endpoint, client: Text, grant: Text) -> Granted:
    """Ask the endpoint, among the rig's SaaS hosts. ConnectorAuthenticationException with the reason where it refuses,
    cannot be reached or makes no sense."""
    try:
        reply = hosts.fetch(endpoint.request(client, grant), Asker(f"{PRINCIPAL}/{profile}", caller=PRINCIPAL), LIMIT_S)
        return _read(reply)
    except (NoAnswer, ValueError) as error:
        message = refused_credentials(ACTIONS[grant["grant_type"]], str(error))
        raise ServiceError("ConnectorAuthenticationException", message) from error


def _client_credentials(endpoint: Endpoint) -> Text:
    scope = {"scope": " ".join(endpoint.scopes)} if endpoint.scopes else {}
    return {"grant_type": "client_credentials", **scope}


def _refresh(kept: Mapping[str, Any]) -> Text:
    return {"grant_type": "refresh_token", "refresh_token": kept["refreshToken"]}


def _read(reply: UpstreamReply) -> Granted:
    """ValueError with a sentence for anything but a token."""
    try:
        said = json.loads(reply.body)
    except (ValueError, RecursionError):
        said = None
    fields: dict[str, Any] = said if isinstance(said, dict) else {}
    token, error = fields.get("access_token"), fields.get("error")
    if reply.status >= 300 or error or not isinstance(token, str) or not token:
        told = [str(value) for value in (error, fields.get("error_description")) if value]
        raise ValueError(": ".join(told) or f"the token endpoint answered {reply.status} without an access_token")
    again = fields.get("refresh_token")
    return Granted(token, again if isinstance(again, str) else "", _seconds(fields.get("expires_in")))


def _seconds(said: Any) -> float | None:
    """A number, or the text of one, as some endpoints give it."""
    try:
        life = float(said)
    except (TypeError, ValueError):
        return None
    return life if life > 0 and math.isfinite(life) else None
