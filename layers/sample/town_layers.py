"""The layers of the sample town: classes and attributes laid on the units of the ground."""

from __future__ import annotations

import town_controls
import town_plans
from town_classes import classes


def build(ground, rng):
    """All layers as GeoDataFrames in local metres, by table name."""
    units = classes(ground, rng)
    layers = {
        "XZQ": town_plans.districts(ground),
        "TDYTQ": town_plans.zones(ground, units),
        "JSYDGZQ": town_plans.control_zones(ground, units),
    }
    layers["DLTB"] = town_plans.survey(ground, units)
    layers["CSZTGH"] = town_plans.master_plan(ground)
    layers |= (
        town_plans.detailed_plan(ground, rng)
        | town_plans.three_lines(ground, units)
        | town_controls.special(ground, units)
    )
    layers["NZYPF"] = town_controls.approvals(ground)
    return layers
