"""How long things are kept: what was disposed of, and that a result has lost its evidence."""

import sqlalchemy as sa
from alembic import op

from db.types import Moment

revision = '0030'
down_revision = '0029'
branch_labels = None
depends_on = None

KINDS = ('pictures', 'texts', 'places', 'trail', 'notices', 'runs', 'sessions')


def upgrade() -> None:
    for name in ('pictures_disposed_at', 'texts_disposed_at', 'places_disposed_at'):
        op.add_column('result', sa.Column(name, Moment(timezone=True), nullable=True))
    kind = sa.Enum(*KINDS, name='kind', native_enum=False, create_constraint=True, length=32)
    op.create_table(
        'disposal',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('begun_at', Moment(timezone=True), nullable=False),
        sa.Column('at', Moment(timezone=True), nullable=False),
        sa.Column('who', sa.String(), nullable=False),
        sa.Column('kind', kind, nullable=False),
        sa.Column('site_id', sa.Integer(), nullable=True),
        sa.Column('sweep_id', sa.Integer(), nullable=True),
        sa.Column('year', sa.Integer(), nullable=False),
        sa.Column('results', sa.Integer(), nullable=False),
        sa.Column('items', sa.Integer(), nullable=False),
        sa.Column('bytes', sa.BigInteger(), nullable=False),
        sa.Column('term', sa.String(), nullable=False),
        sa.Column('minimum', sa.String(), nullable=True),
        sa.Column('why', sa.String(), nullable=True),
        sa.Column('digest', sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(['site_id'], ['site.id'], name=op.f('fk_disposal_site_id')),
        sa.ForeignKeyConstraint(['sweep_id'], ['sweep.id'], name=op.f('fk_disposal_sweep_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_disposal')),
    )
    op.create_index(op.f('ix_disposal_begun_at'), 'disposal', ['begun_at'])
    op.create_index(op.f('ix_disposal_site_id'), 'disposal', ['site_id'])
