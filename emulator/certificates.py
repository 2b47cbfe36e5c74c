"""The rig's own certificate authority, for the SaaS hosts it answers for."""

from __future__ import annotations

import ssl
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path

from emulator.model import Certificate

VALID = Certificate()


class Authority:
    """Issues one certificate per host name, on demand; its key never leaves memory.

    state_dir: where `bundle` puts its file. Nothing is made (and trustme, 80 ms, not imported) before it is needed.
    """

    def __init__(self, state_dir: Path) -> None:
        self._file = state_dir / "ca-bundle.pem"
        self._lock = threading.RLock()
        self._contexts: dict[tuple[str, Certificate], ssl.SSLContext] = {}

    @property
    def certificate(self) -> bytes:
        """The authority's own certificate, PEM."""
        pem: bytes = self._ca.cert_pem.bytes()
        return pem

    @property
    def _ca(self):  # type: ignore[no-untyped-def]
        with self._lock:
            if not hasattr(self, "_made"):
                import trustme

                self._made = trustme.CA(organization_name="lambdarig", organization_unit_name="upstreams")
            return self._made

    def bundle(self) -> Path:
        """A PEM file with this machine's authorities and ours, for SSL_CERT_FILE, REQUESTS_CA_BUNDLE and the like."""
        with self._lock:
            if not self._file.exists():
                self._file.parent.mkdir(parents=True, exist_ok=True)
                self._file.write_bytes(_system_authorities().read_bytes().rstrip() + b"\n" + self.certificate)
                self._file.chmod(0o644)  # functions run as another user
            return self._file

    def context_for(self, host: str, shown: Certificate = VALID) -> ssl.SSLContext:
        """A server's TLS context with this certificate for `host`; the same object every time."""
        with self._lock:
            if (host, shown) not in self._contexts:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.set_alpn_protocols(["http/1.1"])
                self._issue(shown.name or host, shown).configure_cert(context)
                self._contexts[host, shown] = context
            return self._contexts[host, shown]

    def _issue(self, name: str, shown: Certificate):  # type: ignore[no-untyped-def]
        import trustme

        now = datetime.now(timezone.utc)  # the machine's: clients go by their own clock, and that is no rig time
        authority = self._ca if shown.trusted else trustme.CA(organization_name="nobody that anyone knows")
        return authority.issue_cert(
            name, not_before=now + timedelta(days=shown.since), not_after=now + timedelta(days=shown.days)
        )


def _system_authorities() -> Path:
    """The file OpenSSL reads here, or certifi's where this Python's OpenSSL has none."""
    file = ssl.get_default_verify_paths().cafile
    if file:
        return Path(file)
    import certifi

    return Path(certifi.where())
