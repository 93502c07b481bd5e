"""Very dirty data: ten bad records for each person, and no field that identifies anybody."""

from bench.register import draw_register
from c360_dagster.identity import resolve
from c360_dagster.identity.quality import measure_pairs


def test_people_in_a_dirty_register_are_told_apart() -> None:
    register = draw_register(400, seed=2)
    found = measure_pairs(resolve(register.drop("person_id")).identities, register)
    assert found.precision >= 0.96
    assert found.recall >= 0.75
