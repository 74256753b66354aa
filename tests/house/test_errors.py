"""Promises of the one table of errors against what it speaks of: the skeleton's faults and gRPC's status names."""

import grpc

from brain.base.errors import TABLE
from brain.native.build import fault_names


def test_every_fault_of_the_skeleton_has_exactly_one_row():
    told = [fault for row in TABLE for fault in row.faults]
    assert sorted(told) == sorted(fault_names())


def test_every_status_is_one_of_grpcs():
    assert {row.status for row in TABLE} <= {status.name for status in grpc.StatusCode}


def test_exit_codes_are_told_apart_but_for_the_two_ends_of_a_call():
    shared = {}
    for row in TABLE:
        shared.setdefault(row.exit_code, []).append(row.error.code)
    assert {tuple(codes) for codes in shared.values() if len(codes) > 1} == {("CANCELLED", "DEADLINE_EXCEEDED")}
    assert all(0 < code < 126 for code in shared)
