"""What is expected of a net before it is routed."""

import pytest

from lithify.backends.fpga.delay import LEAST, most_levels, predicted_ns
from lithify.backends.fpga.targets import devices
from lithify.ir.errors import InputError

HX8K = devices()["ice40-hx8k"]


@pytest.mark.parametrize("device", devices().values(), ids=lambda one: one.name)
def test_a_period_grows_with_levels_and_tables(device: object) -> None:
    assert device in devices().values()
    known = devices()[getattr(device, "name", "")]
    periods = [predicted_ns(known, tables=1000, levels=levels) for levels in range(1, 30)]
    steps = [b - a for a, b in zip(periods[:-1], periods[1:], strict=True)]
    assert periods[0] > 1 and max(steps) - min(steps) < 1e-9 and min(steps) > 0.5
    sizes = [predicted_ns(known, tables=tables, levels=3) for tables in (2, LEAST, 200, 5000)]
    assert sizes[0] == sizes[1] < sizes[2] < sizes[3]


def test_the_figures_are_those_of_a_line_over_doublings() -> None:
    a, b, c, d = HX8K.delay_ps
    assert predicted_ns(HX8K, tables=1024, levels=3) == pytest.approx(
        (a + 10 * b + 3 * (c + 10 * d)) / 1000
    )


@pytest.mark.parametrize("levels", [1, 4, 20])
def test_as_many_levels_as_the_clock_allows(levels: int) -> None:
    slow = 1000 / predicted_ns(HX8K, tables=700, levels=levels)
    fast = 1000 / predicted_ns(HX8K, tables=700, levels=levels + 1)
    for mhz, wanted in ((slow - 0.01, levels), (fast + 0.01, levels)):
        assert most_levels(HX8K, tables=700, depth=40, mhz=mhz) == wanted
    assert most_levels(HX8K, tables=700, depth=3, mhz=0.1) == 3


def test_a_clock_beyond_the_device_is_refused() -> None:
    best = 1000 / predicted_ns(HX8K, tables=700, levels=1)
    with pytest.raises(InputError) as caught:
        most_levels(HX8K, tables=700, depth=20, mhz=900)
    assert str(caught.value) == (
        "900 MHz: with a row of registers after every level 700 tables on the Lattice iCE40-HX8K "
        f"are expected to reach {best:.0f} MHz; ask for less, or take a faster device or a smaller "
        "net"
    )
