"""A schedule that somebody has removed: what came of its times stays, and its name is free."""

import sqlalchemy as sa
from alembic import op

import db.types

revision = '0033'
down_revision = '0032'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('schedule') as schedule:
        schedule.add_column(sa.Column('removed_by', sa.String(), nullable=True))
        schedule.add_column(sa.Column('removed_at', db.types.Moment(timezone=True), nullable=True))
        schedule.drop_constraint(op.f('uq_schedule_name'), type_='unique')
    there = sa.text('removed_at IS NULL')
    op.create_index(
        op.f('ix_schedule_name'), 'schedule', ['name'], unique=True, sqlite_where=there, postgresql_where=there
    )
