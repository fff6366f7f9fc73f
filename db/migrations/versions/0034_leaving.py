"""What was disposed of, by name; and what of it still lies in the store."""

import sqlalchemy as sa
from alembic import op

import db.types

revision = '0034'
down_revision = '0033'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('disposal', sa.Column('names', sa.LargeBinary(), nullable=True))
    op.create_table(
        'leaving',
        sa.Column('digest', sa.String(length=64), nullable=False),
        sa.Column('size', sa.BigInteger(), nullable=False),
        sa.Column('written_at', db.types.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint('digest', name=op.f('pk_leaving')),
    )
