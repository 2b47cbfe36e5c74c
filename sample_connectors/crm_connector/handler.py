"""The connector as it is written first, and its two weaknesses.

It logs nothing of what AppFlow tells it: the SDK does not log the event, and its ConnectorContext drops flowName,
connectorProfileLabel and executionId (`ConnectorContext.from_dict` reads four keys of the seven). Whoever searches the
log group for an execution finds nothing. And it reads the profile's secret once, although the secret is new and may not
be visible yet where it asks.
"""

import crm

handler = crm.connector(crm.read_secret)
