"""The connector as it is written first, with the weaknesses that README.md names.

One of them: it logs nothing of what AppFlow tells it. The SDK does not log the event, and its ConnectorContext drops
flowName, connectorProfileLabel and executionId (`ConnectorContext.from_dict` reads four keys of the seven), so whoever
searches the log group for an execution finds nothing.
"""

from configuration import Configuration
from custom_connector_sdk.lambda_handler.lambda_handler import BaseLambdaConnectorHandler
from metadata import Metadata
from naive import Crm, NaiveRecords

CRM = Crm()
handler = BaseLambdaConnectorHandler(Metadata(CRM), NaiveRecords(CRM), Configuration(CRM)).lambda_handler
