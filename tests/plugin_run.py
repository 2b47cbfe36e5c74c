"""A pytest of its own, as the plugin's users run it."""

import pytest

HANDLER = '''
import os

def handler(event, context):
    print("seen")
    if event == "fail":
        raise ValueError("wanted")
    return {"event": event, "word": os.environ.get("WORD")}
'''
FUNCTION = '''
import pytest

@pytest.fixture
def crm(rig):
    return rig.function("crm", "code", "handler.handler", environment={"WORD": "hello"})
'''


@pytest.fixture
def run(pytester, monkeypatch):
    """run(TESTS, OPTION...) -> the outcome of a pytest of its own, on the inline engine."""
    monkeypatch.delenv("LAMBDARIG_ENGINE", raising=False)
    pytester.mkdir("code").joinpath("handler.py").write_text(HANDLER)

    def go(tests, *options, engine="inline"):
        pytester.makepyfile(FUNCTION + tests)
        chosen = ("--rig-engine", engine) if engine else ()
        return pytester.runpytest_subprocess("-p", "no:cacheprovider", *chosen, *options)

    return go
