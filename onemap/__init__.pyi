# isort: off
from onemap.errors import InputError as InputError, set_language as set_language
from onemap.book.catalogue import Catalogue as Catalogue, load_catalogue as load_catalogue
from onemap.book.cite import cite as cite
from onemap.book.location import sample_path as sample_path
from onemap.book.rulebook import Rulebook as Rulebook, load_rulebook as load_rulebook
from onemap.land.parcels import read_parcels as read_parcels
from onemap.land.read import read_features as read_features
from onemap.blueprint.build import Blueprint as Blueprint, build_blueprint as build_blueprint
from onemap.blueprint.readings import read_into as read_into
from onemap.blueprint.city import build_city as build_city
from onemap.blueprint.conflicts import find_conflicts as find_conflicts
from onemap.blueprint.doors import read_blueprint as read_blueprint, write_blueprint as write_blueprint
from onemap.review.measure import find_overlaps as find_overlaps, measure as measure
from onemap.review.check import check as check
from onemap.review.preconditions import derive_preconditions as derive_preconditions
from onemap.review.decide import decide as decide
from onemap.review.review import Review as Review, review as review
from onemap.review.batch import review_batch as review_batch
from onemap.review.explain import explain as explain
from onemap.present.map import draw_map as draw_map
from onemap.book.readable import show_table as show_table
from onemap.present.report import write_report as write_report
from onemap.present.write import write_review as write_review
from onemap.present.reread import read_review as read_review
