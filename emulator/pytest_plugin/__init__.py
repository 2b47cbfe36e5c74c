"""pytest plugin: the fixture `rig`, a whole rig shared by a worker's tests and as new in each; scenario files as tests.

@pytest.mark.fault("secret_visibility_delay", reads=1)
def test_connector_retries(rig):
    rig.function("crm", "connectors/crm", "handler.handler")
    assert rig.invoke("crm", {"type": "..."}).ok

Importing it loads nothing of the rig: a suite pays for what its tests use.
"""

from emulator.pytest_plugin.verbs import PytestRig, Result

__all__ = ["PytestRig", "Result"]

PARTS = ("choices", "fixtures", "markers", "collecting", "report", "keeping", "sweeping")
pytest_plugins = [f"emulator.pytest_plugin.{part}" for part in PARTS]
