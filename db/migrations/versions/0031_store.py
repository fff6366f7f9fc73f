"""Pictures may lie in a store outside of the database, and the database says which store is its own."""

import sqlalchemy as sa
from alembic import op

import db.types

revision = '0031'
down_revision = '0030'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('picture') as picture:
        picture.alter_column('image', existing_type=sa.LargeBinary(), nullable=True)
    op.create_table(
        'depot',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('mark', sa.String(length=32), nullable=False),
        sa.Column('begun_at', db.types.Moment(timezone=True), nullable=False),
        sa.Column('copied_at', db.types.Moment(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_depot')),
        sa.UniqueConstraint('mark', name=op.f('uq_depot_mark')),
    )
