"""The names that accounts had before, so that one person is never taken for two."""

import sqlalchemy as sa
from alembic import op

import db.types

revision = '0032'
down_revision = '0031'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'former_name',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('account_id', sa.Integer(), nullable=False),
        sa.Column('person', sa.String(), nullable=False),
        sa.Column('until', db.types.Moment(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(['account_id'], ['account.id'], name=op.f('fk_former_name_account_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_former_name')),
        sa.UniqueConstraint('person', name=op.f('uq_former_name_person')),
    )
    op.create_index(op.f('ix_former_name_account_id'), 'former_name', ['account_id'])
