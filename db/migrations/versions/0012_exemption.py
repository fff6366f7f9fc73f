"""Faults that are left as they are for a time: who says so, why, and until when."""

import sqlalchemy as sa
from alembic import op

import db.types

revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None

REASONS = ('third_party', 'no_source_data', 'planned_renewal', 'false_alarm', 'alternative_provided')


def upgrade() -> None:
    op.create_table(
        'exemption',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('site_id', sa.Integer(), nullable=False),
        sa.Column('defect_id', sa.Integer(), nullable=True),
        sa.Column('page_id', sa.Integer(), nullable=True),
        sa.Column('rule', sa.String(), nullable=True),
        sa.Column('pattern', sa.String(), nullable=True),
        sa.Column(
            'reason',
            sa.Enum(*REASONS, name='reason', native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column('text', sa.String(), nullable=False),
        sa.Column('person', sa.String(), nullable=False),
        sa.Column('at', db.types.Moment(timezone=True), nullable=False),
        sa.Column('until', sa.Date(), nullable=False),
        sa.Column('ended_by', sa.String(), nullable=True),
        sa.Column('ended_at', db.types.Moment(timezone=True), nullable=True),
        sa.Column('reviewed_by', sa.String(), nullable=True),
        sa.Column('reviewed_at', db.types.Moment(timezone=True), nullable=True),
        sa.Column('agrees', sa.Boolean(), nullable=True),
        sa.Column('review', sa.String(), nullable=True),
        sa.ForeignKeyConstraint(['site_id'], ['site.id'], name=op.f('fk_exemption_site_id')),
        sa.ForeignKeyConstraint(['defect_id'], ['defect.id'], name=op.f('fk_exemption_defect_id')),
        sa.ForeignKeyConstraint(['page_id'], ['page.id'], name=op.f('fk_exemption_page_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_exemption')),
    )
    op.create_index(op.f('ix_exemption_site_id'), 'exemption', ['site_id'])
