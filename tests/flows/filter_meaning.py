"""What a filter expression means, read by the connector SDK's own grammar (custom_connector_queryfilter)."""

from datetime import date, datetime
from decimal import Decimal

from custom_connector_queryfilter.queryfilter import parse_tree_builder

_TESTS = {
    "=": lambda given, value: given == value,
    "!=": lambda given, value: given != value,
    "<": lambda given, value: given < value,
    "<=": lambda given, value: given <= value,
    ">": lambda given, value: given > value,
    ">=": lambda given, value: given >= value,
    "contains": lambda given, value: value in given,
}


def holds(expression, values):
    """values: name -> str, Decimal, bool, date or datetime. Raises the SDK's InvalidFilterExpressionError."""
    return _holds(parse_tree_builder.parse(expression).getChild(0), values)


def _holds(node, values):
    kind = type(node).__name__.removesuffix("Context")
    children = list(node.getChildren())
    if kind == "ParenExpression":
        return _holds(children[1], values)
    if kind in ("ANDBinaryExpression", "ORBinaryExpression"):
        sides = [_holds(side, values) for side in (children[0], children[2])]
        return all(sides) if kind.startswith("AND") else any(sides)
    name = children[0].getText()
    if kind == "BetweenExpression":
        return _literal(children[2]) <= values[name] <= _literal(children[4])
    return _TESTS[children[1].getText()](values[name], _literal(children[2]))


def _literal(node):
    kind, text = type(node).__name__.removesuffix("Context"), node.getText()
    if kind == "Boolean":
        return text.lower() == "true"
    if kind == "StringValueExpression":
        return text[1:-1]
    if kind == "DecimalValueExpression":
        return Decimal(text)
    if kind == "IsoDate":
        return date.fromisoformat(text)
    assert kind == "IsoDateTime"
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
