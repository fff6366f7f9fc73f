"""A further edition that a sweep is judged by, for the difference between the two."""

import sqlalchemy as sa
from alembic import op

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None

EDITION = sa.Enum('jis2016', 'wcag22', name='also', native_enum=False, create_constraint=True, length=32)


def upgrade() -> None:
    with op.batch_alter_table('sweep') as sweep:
        sweep.add_column(sa.Column('also', EDITION, nullable=True))
        sweep.add_column(sa.Column('also_criteria', sa.JSON(), nullable=True))
