"""Records, read page by page and written once each."""

import hashlib
import json

from answers import Refused, told
from custom_connector_sdk.lambda_handler import responses
from custom_connector_sdk.lambda_handler.responses import ErrorCode, ErrorDetails, WriteRecordResult
from records import Records, change, path_of, query_of

ROOM = 4_000_000  # bytes of records in an answer, which may have 6 MB with all that is around them
PAGE = 10
WHOLE = (400, 404, 409, 422)  # what the CRM says of one record; all else is of the request


class CarefulRecords(Records):
    """execution: the flow's run for which AppFlow asks, as the handler found it in the event."""

    execution = ""

    @told(responses.QueryDataResponse)
    def query_data(self, request):
        """One page of the CRM's, its place in the token: nothing is kept for the next. A page too large is asked for
        again, half as long."""
        session, query, limit = self.crm.session(request.connector_context), query_of(request), PAGE
        query |= {"after": request.next_token} if request.next_token else {}
        limit = min(limit, request.max_results or limit)
        while True:
            page = session.get(path_of(request), limit=limit, **query)
            records = [json.dumps(record) for record in page["records"]]
            if limit == 1 or sum(map(len, records)) < ROOM:
                return responses.QueryDataResponse(is_success=True, records=records, next_token=page["next"])
            limit //= 2

    @told(responses.WriteDataResponse)
    def write_data(self, request):
        """A result for each record, in their order."""
        session, results = self.crm.session(request.connector_context), []
        batch = hashlib.sha256(json.dumps([self.execution, *request.records]).encode()).hexdigest()
        for number, text in enumerate(request.records):
            if request.all_or_none and not all(result.is_success for result in results):
                results.append(WriteRecordResult(False, None, "not tried, as another record of the batch was refused"))
                continue
            results.append(self._write(session, request, text, f"{batch}-{number}" if self.execution else ""))
        failed = next((result for result in results if not result.is_success), None)
        details = ErrorDetails(ErrorCode.PartialWriteFailure, failed.error_message) if failed else None
        return responses.WriteDataResponse(failed is None, details, results)

    def _write(self, session, request, text, once):
        """once: the same for the same record of the same batch of the same run, however often AppFlow sends it."""
        try:
            said = session.send(*change(request, _object(text)), once=once)
            return WriteRecordResult(True, said["id"])
        except Refused as error:
            if error.status not in WHOLE:
                raise
            return WriteRecordResult(False, None, str(error))
        except ValueError as error:
            return WriteRecordResult(False, None, str(error))


def _object(text):
    try:
        record = json.loads(text)
    except ValueError:
        raise ValueError("the record is no JSON") from None
    if not isinstance(record, dict):
        raise ValueError("the record is no JSON object")
    return record
