"""What a page shows is read from the index alone: a know-how page asks it of every page of every site."""

from alembic import op

revision = '0035'
down_revision = '0034'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f('ix_occurrence_page_id_defect_id_places'), 'occurrence', ['page_id', 'defect_id', 'places'])
    op.drop_index(op.f('ix_occurrence_page_id'), 'occurrence')
