"""AppFlow's filterExpression, in the SDK's grammar, as the CRM's own filter (JSON)."""

from custom_connector_queryfilter.queryfilter.antlr.CustomConnectorQueryFilterParser import (
    CustomConnectorQueryFilterParser as Grammar,
)
from custom_connector_queryfilter.queryfilter.parse_tree_builder import parse

SIGNS = ("=", "!=", "<", "<=", ">", ">=", "contains")


def filter_of(expression):
    """`Name = "Ada" and not Employees > 10` -> ["and", ["=", "Name", "Ada"], ["not", [">", "Employees", 10.0]]]. Raises
    InvalidFilterExpressionError or ValueError for what is no condition."""
    return _condition(parse(expression).getChild(0))


def _condition(node):
    match node:
        case Grammar.ParenExpressionContext():
            return _condition(node.expression())
        case Grammar.NotExpressionContext():
            return ["not", _condition(node.expression())]
        case Grammar.ANDBinaryExpressionContext():
            return ["and", _condition(node.left), _condition(node.right)]
        case Grammar.ORBinaryExpressionContext():
            return ["or", _condition(node.left), _condition(node.right)]
        case Grammar.BetweenExpressionContext():
            return ["between", node.left.getText(), [_value(node.l1), _value(node.right)]]
        case Grammar.InExpressionContext():
            return ["in", node.identifier().getText(), [_value(value) for value in node.value()]]
    sign = node.getChild(1).getText().lower() if node.getChildCount() == 3 else ""
    if sign not in SIGNS:
        raise ValueError(f"the filter {node.getText()} is no condition")
    return [sign, node.left.getText(), _value(node.right)]


def _value(node):
    text = node.getText()
    if text == "null":
        raise ValueError("the CRM compares nothing with null")
    match node:
        case Grammar.DecimalValueExpressionContext():
            return float(text)
        case Grammar.StringValueExpressionContext():
            return text[1:-1]
    return text
