"""What finished sweeps say of their sites, counted once, and indexes for what is counted each time."""

import sqlalchemy as sa
from alembic import op

import db.types

revision = '0021'
down_revision = '0020'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'point',
        sa.Column('sweep_id', sa.Integer(), nullable=False),
        sa.Column('version', sa.Integer(), nullable=False),
        sa.Column('finished_at', db.types.Moment(timezone=True), nullable=False),
        sa.Column('reconciled_at', db.types.Moment(timezone=True), nullable=True),
        sa.Column('told', sa.JSON(), nullable=False),
        sa.Column('drawn', sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(['sweep_id'], ['sweep.id'], name=op.f('fk_point_sweep_id')),
        sa.PrimaryKeyConstraint('sweep_id', name=op.f('pk_point')),
    )
    op.create_index(
        op.f('ix_defect_site_id_state_merged_into_id_due_on'), 'defect', ['site_id', 'state', 'merged_into_id', 'due_on']
    )
    op.create_index(op.f('ix_defect_event_sweep_id'), 'defect_event', ['sweep_id'])
