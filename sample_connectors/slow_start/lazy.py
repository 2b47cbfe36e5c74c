"""`connector.py` again, which imports what it needs where it needs it: who does not ask for SOQL never waits for it."""

from answers import appflow, query


def handler(event, context):
    return appflow(event)


def http(event, context):
    from simple_salesforce import format_soql

    return query(event, format_soql)
