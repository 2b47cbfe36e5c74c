"""AppFlow's state on disk (`--state DIR`): what the store remembers, the objects that flows wrote, the secrets of its
profiles, and a journal of the pages of every run, in one SQLite file.

Objects are in that file too, and not files of their own: their keys are anybody's text (`..`, `a` beside `a/b`, a
thousand characters), and a page with its objects is kept by one rule of durability, SQLite's. Imported only where a
state is asked for.
"""

from __future__ import annotations
