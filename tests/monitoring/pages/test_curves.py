"""A learning curve as a drawing."""

import re

from monitoring.pages.curves import curve_svg


def test_a_curve_has_a_point_for_each_epoch_and_a_ring_at_the_chosen_one() -> None:
    drawn = curve_svg("loss", [(1, 3.0), (2, 2.0), (3, 2.5)], chosen=2)
    points = re.search(r'points="([^"]+)"', drawn)
    assert points is not None
    x_and_y = [tuple(map(float, point.split(","))) for point in points[1].split()]
    assert [x for x, _ in x_and_y] == sorted(x for x, _ in x_and_y)
    assert x_and_y[1][1] > x_and_y[2][1] > x_and_y[0][1]  # downwards is more: 2.0 stands lowest
    assert drawn.count('class="dot"') == 3
    assert f'class="ring" cx="{x_and_y[1][0]:.1f}"' in drawn
    assert curve_svg("loss", []) == ""
    assert "nan" not in curve_svg("flat", [(1, 0.0)])
