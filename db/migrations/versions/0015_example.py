"""Confirmed repairs that people have chosen to show to others."""

import sqlalchemy as sa
from alembic import op

import db.types

revision = '0015'
down_revision = '0014'
branch_labels = None
depends_on = None

MATCHED = ('target', 'words', 'named', 'written', 'gone')


def upgrade() -> None:
    op.create_table(
        'example',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('defect_id', sa.Integer(), nullable=False),
        sa.Column('finding_id', sa.Integer(), nullable=False),
        sa.Column(
            'matched',
            sa.Enum(*MATCHED, name='matched', native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column('after', sa.String(), nullable=True),
        sa.Column('around', sa.String(), nullable=True),
        sa.Column('picture_id', sa.Integer(), nullable=True),
        sa.Column('note', sa.String(), nullable=True),
        sa.Column('taken_by', sa.String(), nullable=False),
        sa.Column('taken_at', db.types.Moment(timezone=True), nullable=False),
        sa.Column('written_by', sa.String(), nullable=True),
        sa.Column('confirmed_by', sa.String(), nullable=True),
        sa.Column('confirmed_at', db.types.Moment(timezone=True), nullable=True),
        sa.Column('anonymous_by', sa.String(), nullable=True),
        sa.Column('anonymous_at', db.types.Moment(timezone=True), nullable=True),
        sa.Column('anonymous_digest', sa.String(length=64), nullable=True),
        sa.Column('dropped_by', sa.String(), nullable=True),
        sa.Column('dropped_at', db.types.Moment(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(['defect_id'], ['defect.id'], name=op.f('fk_example_defect_id')),
        sa.ForeignKeyConstraint(['finding_id'], ['finding.id'], name=op.f('fk_example_finding_id')),
        sa.ForeignKeyConstraint(['picture_id'], ['picture.id'], name=op.f('fk_example_picture_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_example')),
    )
    op.create_index(op.f('ix_example_defect_id'), 'example', ['defect_id'])
