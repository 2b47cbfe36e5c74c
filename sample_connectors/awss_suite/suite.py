"""AWS's suite for connector authors, unmodified: `python -m unittest -v suite`, given TEST_CONFIG, AWS_ENDPOINT_URL."""

from custom_connector_integ_test.appflow_test import test_case


class Suite(test_case.AppflowTestCase):
    """All of it is inherited. The module is imported, not the class: unittest would run that one, too."""
