"""The pages in docs/guides: their console blocks are what `lambdarig reproduce` prints.

`python tests/guide_pages.py [NAME...]` runs the scenarios on the docker engine and pastes what they print anew.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGES = sorted((ROOT / "docs" / "guides").glob("*.md"))
_IDS = (r"[0-9a-f]{8}-[0-9a-f-]{27}", r"\b[0-9a-f]{32}\b", r"\b(?=\w*\d)[a-z0-9]{10}\b", r"-\w{6}(?= because)")
_BLOCK = r"(```console\n\$ lambdarig reproduce {name}\n)(.*?)(^```)"


def told(name):
    """Both of the command's outputs, as a terminal shows them."""
    command = [sys.executable, "-m", "emulator.cli", "reproduce", name, "--engine", "docker"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.stdout


def pasted(page, name):
    """What the page shows of it."""
    found = re.search(_BLOCK.format(name=re.escape(name)), page.read_text(), re.DOTALL | re.MULTILINE)
    assert found, f"{page} shows no run of {name}"
    return found[2]


def masked(text):
    """Without what is another one in each run: ids, times, sizes and how wide the table is."""
    for pattern in _IDS:
        text = re.sub(pattern, "ID", text)
    text = re.sub(r"\d+(\.\d+)?", "N", text)
    return [re.sub(r"[ ─]+", " ", line).strip() for line in text.splitlines()]


def paste(page, name):
    text = page.read_text()
    block = re.compile(_BLOCK.format(name=re.escape(name)), re.DOTALL | re.MULTILINE)
    page.write_text(block.sub(lambda found: found[1] + told(name) + found[3], text))


if __name__ == "__main__":
    wanted = sys.argv[1:]
    for page in PAGES:
        for name in re.findall(r"^\$ lambdarig reproduce (\S+)$", page.read_text(), re.MULTILINE):
            if not wanted or name in wanted:
                print(name, page)
                paste(page, name)
