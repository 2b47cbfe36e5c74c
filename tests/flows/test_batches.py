"""Records in batches for a connector."""

import itertools
import json

from hypothesis import given
from hypothesis import strategies as st

from emulator.flows.batches import batches, fits, taken
from emulator.frontdoors.appflow import Context, write_data


@given(st.lists(st.text(max_size=40), max_size=60), st.integers(20, 400), st.integers(1, 9))
def test_every_record_is_in_one_batch_in_order_and_each_batch_within_its_limits(records, room, most):
    made = list(batches(records, room, most))
    assert [record for batch in made for record in batch] == records
    assert all(1 <= len(batch) <= most for batch in made)
    assert all(fits(batch, room) or len(batch) == 1 for batch in made)


@given(st.lists(st.text(max_size=40), max_size=60), st.integers(20, 400), st.integers(1, 9))
def test_no_batch_ends_before_it_must(records, room, most):
    made = list(batches(records, room, most))
    for batch, following in itertools.pairwise(made):
        assert len(batch) == most or not fits([*batch, following[0]], room)


@given(st.lists(st.text(max_size=40), min_size=1, max_size=20))
def test_what_records_take_is_what_they_make_a_request_longer_by(records):
    empty, full = (len(json.dumps(write_data(Context(), "e", "INSERT", [], some))) for some in ([], records))
    assert 0 <= sum(map(taken, records)) - (full - empty) <= 2
