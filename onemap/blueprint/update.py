"""A blueprint brought up to date: only the tiles that a change concerns are worked out again, to the same bytes."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from onemap.blueprint import jobs, kept, store
from onemap.blueprint.arrangement import Trails, check_areas, runs
from onemap.blueprint.change import changed_boxes, near_tiles, split_walks, tiles_concerned
from onemap.blueprint.city import (
    Land,
    attributes_of,
    batches,
    by_number,
    gathered,
    run_jobs,
    site_for,
    survey,
)
from onemap.blueprint.conflicts import PARTS
from onemap.blueprint.derive import face_ids
from onemap.blueprint.edges import NotCertified, fit_grid
from onemap.blueprint.jobs import Result, Row
from onemap.blueprint.layout import Squares, finest_squares, tile_at
from onemap.blueprint.objects import get, to_frame
from onemap.blueprint.register import placed_rows
from onemap.blueprint.seams import Seams, join_trails, stitch
from onemap.blueprint.sheets import flat
from onemap.blueprint.tiles import Outline, hand_out, in_chunks, find_long, layout_of, outlines_of, pass_tiles
from onemap.frames import EXTENTS, FEATURES, QUARANTINE

log = logging.getLogger(__name__)
