"""Deployment packages: zips unpacked once by content, local folders used where they are."""

from __future__ import annotations

import base64
import errno
import hashlib
import io
import lzma
import os
import stat
import struct
import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from emulator.errors import EngineError

ZIPPED_LIMIT = 52428800
UNZIPPED_LIMIT = 262144000
UNREADABLE = "Could not unzip uploaded file. Please check your file, then try to upload again."
_BROKEN = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, struct.error, KeyError, IndexError)


class BadCode(ValueError):
    """A package Lambda refuses, with its sentence; `too_large` when its answer is a 413."""

    def __init__(self, message: str, too_large: bool = False) -> None:
        super().__init__(message)
        self.too_large = too_large


@dataclass(frozen=True)
class Code:
    """path: the folder for /var/task or /opt. sha256: base64, as CodeSha256. size: bytes zipped."""

    path: Path
    sha256: str
    size: int


def unpack(package: bytes, into: Path) -> Code:
    """Unpack a zip below `into`, in a folder named after its content. Raises BadCode."""
    if len(package) > ZIPPED_LIMIT:
        raise BadCode(f"Zipped size must be smaller than {ZIPPED_LIMIT} bytes", too_large=True)
    digest = hashlib.sha256(package)
    target = into / digest.hexdigest()[:32]
    if not target.exists():
        into.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=into) as temporary:
            folder = Path(temporary) / "code"
            _extract(package, folder)
            _readable(folder)
            _move(folder, target)
    return Code(target, base64.b64encode(digest.digest()).decode(), len(package))


def folder(path: Path) -> Code:
    """A local folder, mounted as it is. Raises BadCode."""
    if not path.is_dir():
        raise BadCode(f"The folder {path} does not exist on the machine that runs the rig.")
    digest = hashlib.sha256(str(path.resolve()).encode()).digest()
    return Code(path.resolve(), base64.b64encode(digest).decode(), 0)


def _extract(package: bytes, target: Path) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(package)) as archive:
            if sum(info.file_size for info in archive.infolist()) > UNZIPPED_LIMIT:
                raise BadCode(f"Unzipped size must be smaller than {UNZIPPED_LIMIT} bytes")
            target.mkdir()
            for info in archive.infolist():
                _extract_one(archive, info, target)
    except BadCode:
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise EngineError(f"there is no room to unpack a function's code below {target}") from error
        raise BadCode(UNREADABLE) from error
    except (*_BROKEN, RuntimeError, ValueError, NotImplementedError) as error:
        raise BadCode(UNREADABLE) from error


def _extract_one(archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path) -> None:
    """zipfile keeps names inside of `target`; links, which it does not know, are kept inside here."""
    mode = info.external_attr >> 16
    name = Path(archive.extract(info, target))
    if stat.S_ISLNK(mode):
        leads = archive.read(info).decode()
        if not Path(os.path.normpath(name.parent / leads)).is_relative_to(target):
            raise BadCode(UNREADABLE)
        name.unlink()
        name.symlink_to(leads)
    elif mode & 0o777:
        name.chmod(mode & 0o777 | (0o700 if name.is_dir() else 0o600))  # what comes next must be able to enter


def _readable(folder: Path) -> None:
    """The runtime's user must be able to read what the archive's owner could."""
    for parent, folders, files in os.walk(folder):
        for name in [parent, *(os.path.join(parent, n) for n in (*folders, *files))]:
            mode = stat.S_IMODE(os.lstat(name).st_mode)
            extra = 0o555 if os.path.isdir(name) else 0o444
            if mode & extra != extra and not os.path.islink(name):
                os.chmod(name, mode | extra)


def _move(folder: Path, target: Path) -> None:
    try:
        folder.rename(target)
    except OSError:
        if not target.exists():  # otherwise another thread unpacked the same content first
            raise
