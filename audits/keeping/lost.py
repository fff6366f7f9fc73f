"""What a result has lost: when its pictures, texts and places were disposed of."""

import sqlalchemy as sa

from db.tables import Result
from db.words import Kept

DATED = {
    Kept.PICTURES: Result.pictures_disposed_at,
    Kept.TEXTS: Result.texts_disposed_at,
    Kept.PLACES: Result.places_disposed_at,
}  # kind → when a result lost what it had of it
WHOLE = sa.and_(*(each.is_(None) for each in DATED.values()))  # a result that has lost nothing
