"""Tasks as CreateFlow gets them."""


def task(kind, *sources, to=None, operator="NO_OP", **properties):
    given = {"taskType": kind, "sourceFields": list(sources), "connectorOperator": {"CustomConnector": operator}}
    more = {"destinationField": to, "taskProperties": properties}
    return given | {name: value for name, value in more.items() if value}


def projection(*names):
    return task("Filter", *names, operator="PROJECTION")


def mapped(source, to=None, **properties):
    return task("Map", source, to=to or source, **properties)
