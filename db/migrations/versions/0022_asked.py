"""Sweeps and rechecks that the web application is asked to run, and to stop."""

import sqlalchemy as sa
from alembic import op

import db.types

revision = '0022'
down_revision = '0021'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('sweep') as sweep:
        sweep.add_column(sa.Column('aim', sa.JSON(), nullable=True))
        sweep.add_column(sa.Column('asked_by', sa.String(), nullable=True))
        sweep.add_column(sa.Column('asked_at', db.types.Moment(timezone=True), nullable=True))
        sweep.add_column(sa.Column('stop_asked_at', db.types.Moment(timezone=True), nullable=True))
        sweep.add_column(sa.Column('halted', sa.JSON(), nullable=True))
