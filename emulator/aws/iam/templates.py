"""ARN templates of the services the rig serves, for the simulator's EvalResourceName.

Source: service authorization reference, resource types. An action without one here is answered with `*`, as AWS does
for actions without a resource type.
"""

from __future__ import annotations

from emulator.aws.iam.glob import glob_match

_OWN = "${Region}:${Account}"
_TEMPLATES = (  # the first action pattern that matches counts
    ("execute-api:*", f"execute-api:{_OWN}:${{ApiId}}/${{Stage}}/${{Method}}/${{ApiSpecificResourcePath}}"),
    ("secretsmanager:listsecrets", ""),
    ("secretsmanager:getrandompassword", ""),
    ("secretsmanager:*", f"secretsmanager:{_OWN}:secret:${{SecretId}}"),
    ("lambda:list*", ""),
    ("lambda:*", f"lambda:{_OWN}:function:${{FunctionName}}"),
    ("s3:listallmybuckets", ""),
    ("s3:*object*", "s3:::${BucketName}/${KeyName}"),
    ("s3:*bucket*", "s3:::${BucketName}"),
    ("sqs:listqueues", ""),
    ("sqs:*", f"sqs:{_OWN}:${{QueueName}}"),
    ("sts:assumerole*", "iam::${Account}:role/${RoleNameWithPath}"),
    ("kms:decrypt", f"kms:{_OWN}:key/${{KeyId}}"),
    ("kms:encrypt", f"kms:{_OWN}:key/${{KeyId}}"),
    ("kms:generatedatakey*", f"kms:{_OWN}:key/${{KeyId}}"),
)


def resource_template(action: str) -> str:
    """`arn:${Partition}:s3:::${BucketName}/${KeyName}` for s3:GetObject."""
    found = next((template for pattern, template in _TEMPLATES if glob_match(action, pattern, ignore_case=True)), "")
    return f"arn:${{Partition}}:{found}" if found else "*"
