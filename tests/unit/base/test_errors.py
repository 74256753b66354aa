"""Promises of brain/base/errors.py."""

import pytest

from brain.base.errors import TABLE, AiosError, InternalError, InvalidInput, NotFound, StorageFailed, by_code, row_of


def subclasses(kind):
    for child in kind.__subclasses__():
        yield child
        yield from subclasses(child)


def test_every_error_has_exactly_one_row():
    rows = [row.error for row in TABLE]
    assert len(rows) == len(set(rows))
    assert set(rows) == set(subclasses(AiosError))


def test_codes_are_unique_and_lead_back_to_the_error():
    assert len({row.error.code for row in TABLE}) == len(TABLE)
    for row in TABLE:
        assert by_code(row.error.code) is row.error
    assert by_code("NEVER_HEARD_OF") is InternalError


def test_the_row_of_an_error_and_of_its_class_agree():
    assert row_of(NotFound("x")) is row_of(NotFound)
    assert row_of(NotFound).exit_code == 3
    assert row_of(AiosError("outside of the table")).error is InternalError


def test_a_message_carries_value_and_hint():
    error = InvalidInput("steps is 0", hint="1 to 64", field="steps")
    assert str(error) == "steps is 0\n\nhint: 1 to 64"
    assert str(NotFound("gone")) == "gone"
    assert error.field == "steps"


@pytest.mark.parametrize(
    ("row", "builtin"), [("INVALID_INPUT", ValueError), ("NOT_FOUND", LookupError), ("DEADLINE_EXCEEDED", TimeoutError)]
)
def test_errors_are_also_pythons_own(row, builtin):
    assert issubclass(by_code(row), builtin)


def test_a_storage_error_keeps_the_systems_number_and_file():
    error = StorageFailed("no room", errno=28, filename="/x")
    assert isinstance(error, OSError)
    assert (error.errno, error.filename) == (28, "/x")
    assert "no room" in str(error)
