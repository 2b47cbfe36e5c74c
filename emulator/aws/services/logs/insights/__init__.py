"""Logs Insights' query language: `fields @message | filter @message like /timeout/ | stats count(*) by bin(5m)`."""
