"""Sweeps that look again at the pages of certain defects, and say nothing of the site."""

import sqlalchemy as sa
from alembic import op

revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('sweep') as sweep:
        sweep.add_column(sa.Column('recheck', sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table('sweep') as sweep:
        sweep.alter_column('recheck', server_default=None)
