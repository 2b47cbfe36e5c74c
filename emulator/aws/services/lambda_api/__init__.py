"""The Lambda API for boto3 and the AWS CLI: control plane in small modules, `Invoke` on a path of its own."""
