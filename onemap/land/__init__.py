"""The land as files: a workspace read, placed, measured, mended and harmonised into frames."""

from onemap.land.parcels import Sites, read_parcels
from onemap.land.places import issue_places
from onemap.land.propose import propose, write_proposal
from onemap.land.read import Layers, read_features
from onemap.land.workspace import Workspace, load_workspace
from onemap.land.write import write_table

__all__ = [
    "issue_places",
    "Layers",
    "Sites",
    "Workspace",
    "load_workspace",
    "propose",
    "read_features",
    "read_parcels",
    "write_proposal",
    "write_table",
]
