"""What went wrong, as AppFlow is told it."""

import functools
import json
import logging

from botocore.exceptions import ClientError
from custom_connector_queryfilter.queryfilter.errors import InvalidFilterExpressionError
from custom_connector_sdk.lambda_handler.responses import ErrorCode, ErrorDetails

BY_STATUS = {
    400: ErrorCode.InvalidArgument,
    401: ErrorCode.InvalidCredentials,
    403: ErrorCode.AccessDenied,
    404: ErrorCode.ResourceNotFoundError,
    429: ErrorCode.RateLimitExceeded,
    503: ErrorCode.ServiceUnavailable,
}
BY_AWS_CODE = {
    "AccessDeniedException": ErrorCode.AccessDenied,
    "ResourceNotFoundException": ErrorCode.ResourceNotFoundError,
}
LOGGER = logging.getLogger()


class Refused(Exception):
    """The CRM would not, or could not. status: of HTTP; 0 where none came. again_s: when to come again, if known."""

    def __init__(self, status, said, again_s=None, code=None):
        super().__init__(said)
        other = ErrorCode.ServerError if status >= 500 else ErrorCode.ClientError
        self.status, self.again_s, self.code = status, again_s, code or BY_STATUS.get(status, other)


def refused(status, reason, body, again_s=None):
    """An HTTP answer as Refused, with the CRM's own words where it has any."""
    try:
        words = f": {json.loads(body)['error']}"
    except (ValueError, KeyError, TypeError):
        words = ""
    return Refused(status, f"The CRM answered {status} {reason}{words}", again_s)


def told(response):
    """A decorator: what went wrong becomes an answer with details, which AppFlow passes on in its own error. An
    exception would end in AppFlow's "No valid response and error details found in the connector response"."""

    def decorate(act):
        @functools.wraps(act)
        def answer(self, request):
            try:
                return act(self, request)
            except ClientError as error:
                code = BY_AWS_CODE.get(error.response["Error"]["Code"], ErrorCode.UnknownError)
                details = ErrorDetails(code, str(error))
            except Refused as error:
                details = ErrorDetails(error.code, str(error), error.again_s)
            except (ValueError, InvalidFilterExpressionError) as error:
                details = ErrorDetails(ErrorCode.InvalidArgument, str(error))
            LOGGER.error("%s failed: %s", act.__name__, details.error_message)
            return response(is_success=False, error_details=details)

        return answer

    return decorate
