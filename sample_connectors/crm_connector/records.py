"""Reading and writing records, as far as the two connectors do it alike."""

import json
from urllib.parse import quote

from answers import Refused, told
from custom_connector_sdk.lambda_handler import responses
from custom_connector_sdk.lambda_handler.handlers import RecordHandler
from filters import filter_of


def query_of(request):
    """What the CRM is asked, but for where a page begins and how long it is."""
    query = {"fields": ",".join(request.selected_field_names or ())}
    return query | ({"filter": json.dumps(filter_of(request.filter_expression))} if request.filter_expression else {})


def path_of(request):
    return f"entities/{quote(request.entity_identifier, safe='')}/records"


def by_key(path, record, id_fields):
    """Where the record is that idFieldNames tell, and what is left of it. Raises ValueError."""
    if not id_fields or record.get(id_fields[0]) in (None, ""):
        raise ValueError(f"the record has no {' or '.join(id_fields or ['idFieldNames'])} to tell it by")
    value = quote(str(record[id_fields[0]]), safe="")
    return f"{path}/{id_fields[0]}/{value}", {k: v for k, v in record.items() if k != id_fields[0]}


def change(request, record):
    """A record's HTTP method, path and body."""
    path, name = path_of(request), request.operation.name
    if name == "INSERT":
        return "POST", path, record
    where, rest = by_key(path, record, request.id_field_names)
    return {"UPDATE": ("PATCH", where, rest), "UPSERT": ("PUT", where, rest), "DELETE": ("DELETE", where, None)}[name]


class Records(RecordHandler):
    def __init__(self, crm):
        self.crm = crm

    @told(responses.RetrieveDataResponse)
    def retrieve_data(self, request):
        """Records by id, those that there are."""
        session, found = self.crm.session(request.connector_context), []
        for value in request.ids or ():
            try:
                row = session.get(by_key(path_of(request), {request.id_field_name: value}, [request.id_field_name])[0])
            except Refused as error:
                if error.status != 404:
                    raise
                continue
            wanted = request.selected_field_names or row
            found.append(json.dumps({name: row[name] for name in wanted if name in row}))
        return responses.RetrieveDataResponse(is_success=True, records=found)
