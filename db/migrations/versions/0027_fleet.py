"""Several processes on one sweep: turns at hosts that hold for all of them, and what each says of itself."""

import sqlalchemy as sa
from alembic import op

from db.types import Moment

revision = '0027'
down_revision = '0026'
branch_labels = None
depends_on = None


def upgrade() -> None:
    held = sa.text('lease_owner IS NOT NULL')
    op.create_index(op.f('ix_visit_sweep_id'), 'visit', ['sweep_id'], sqlite_where=held, postgresql_where=held)
    op.create_table(
        'host',
        sa.Column('name', sa.String(), nullable=False),
        sa.Column('next_at', Moment(timezone=True), nullable=False),
        sa.Column('held_until', Moment(timezone=True), nullable=False),
        sa.Column('gap', sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint('name', name=op.f('pk_host')),
    )
    op.create_table(
        'turn',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('host', sa.String(), nullable=False),
        sa.Column('owner', sa.String(), nullable=False),
        sa.Column('until', Moment(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(['host'], ['host.name'], name=op.f('fk_turn_host')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_turn')),
    )
    op.create_index(op.f('ix_turn_host_until'), 'turn', ['host', 'until'])
    op.create_index(op.f('ix_turn_owner'), 'turn', ['owner'])
    op.create_table(
        'worker',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('name', sa.String(), nullable=False),
        sa.Column('owner', sa.String(), nullable=False),
        sa.Column('version', sa.String(), nullable=False),
        sa.Column('engine', sa.String(), nullable=False),
        sa.Column('reader', sa.Integer(), nullable=False),
        sa.Column('places', sa.Integer(), nullable=False),
        sa.Column('started_at', Moment(timezone=True), nullable=False),
        sa.Column('beat_at', Moment(timezone=True), nullable=False),
        sa.Column('drain_asked_at', Moment(timezone=True), nullable=True),
        sa.Column('ended_at', Moment(timezone=True), nullable=True),
        sa.Column('hand', sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_worker')),
        sa.UniqueConstraint('name', name=op.f('uq_worker_name')),
    )
