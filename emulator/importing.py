"""One thread at a time imports what has circular imports inside.

werkzeug's modules import each other. Where Flask and moto, which both bring it, are first imported by two threads at
once, Python breaks the deadlock by handing one of them a half-made module, and the import fails.
"""

from __future__ import annotations

import threading

IMPORTING = threading.RLock()
