"""Random draws follow their named distributions, and each number depends only on its keys."""

import numpy as np
import pytest

from mock_data.draws import Draws, scramble

KEYS = np.arange(40_000)
DRAWS = Draws(seed=11)


def test_whole_numbers_come_from_low_to_high_both_included() -> None:
    drawn = DRAWS.integers("n", 3, 7, KEYS)
    counts = np.bincount(drawn, minlength=8)
    assert set(drawn.tolist()) == {3, 4, 5, 6, 7}
    assert np.abs(counts[3:] / len(KEYS) - 0.2).max() < 0.01


def test_continuous_draws_have_their_means_and_spreads() -> None:
    uniform = DRAWS.uniform("u", KEYS)
    assert uniform.min() >= 0
    assert uniform.max() < 1
    for drawn, mean, spread in (
        (uniform, 0.5, 12**-0.5),
        (DRAWS.normal("z", KEYS), 0.0, 1.0),
        (DRAWS.exponential("e", KEYS), 1.0, 1.0),
    ):
        assert drawn.mean() == pytest.approx(mean, abs=0.02)
        assert drawn.std() == pytest.approx(spread, rel=0.02)


@pytest.mark.parametrize("mean", [0.2, 3.0, 20.0])
def test_counts_are_poissons(mean: float) -> None:
    drawn = DRAWS.poisson("p", np.full(len(KEYS), mean), KEYS)
    assert drawn.mean() == pytest.approx(mean, rel=0.03)
    assert drawn.var() == pytest.approx(mean, rel=0.03)
    assert (drawn == 0).mean() == pytest.approx(np.exp(-mean), abs=0.01)


def test_choices_follow_their_weights_and_what_weighs_nothing_is_never_chosen() -> None:
    shares = np.bincount(DRAWS.pick("c", [0, 1, 3, 0], KEYS), minlength=4) / len(KEYS)
    assert shares[[0, 3]].tolist() == [0, 0]
    assert shares[2] == pytest.approx(0.75, abs=0.01)


def test_a_draw_depends_on_its_seed_name_and_keys_alone() -> None:
    drawn = DRAWS.uniform("u", KEYS, 5)
    assert (DRAWS.uniform("u", KEYS[::-7], 5) == drawn[::-7]).all()
    for other in (DRAWS.uniform("v", KEYS, 5), DRAWS.uniform("u", KEYS, 6),
                  Draws(seed=12).uniform("u", KEYS, 5)):  # fmt: skip
        assert abs(np.corrcoef(drawn, other)[0, 1]) < 0.02


@pytest.mark.parametrize("bits", [8, 16])
def test_scrambled_numbers_stay_apart(bits: int) -> None:
    numbers = np.arange(1 << bits)
    assert sorted(scramble(numbers, bits).tolist()) == numbers.tolist()
