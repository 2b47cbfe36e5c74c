"""A connector behind AppFlow (`handler`) and behind API Gateway (`http`).

Known weakness: at its head it imports a whole Salesforce client, with SOAP, XML and cryptography, for one small
function of it. Every cold start waits for all that before the first line of a handler runs, and so does the caller,
who has AppFlow's 10 s or API Gateway's 29 s. `lazy.py` is the same connector without.
"""

from answers import appflow, query
from simple_salesforce import format_soql


def handler(event, context):
    return appflow(event)


def http(event, context):
    return query(event, format_soql)
