"""Where defects show, who repairs them, and which results they know."""

import sqlalchemy as sa
from alembic import op

import db.types

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None

REGION = sa.Enum('template', 'content', name='region', native_enum=False, create_constraint=True, length=32)


def upgrade() -> None:
    with op.batch_alter_table('sweep') as sweep:
        sweep.add_column(sa.Column('reconciled_at', db.types.Moment(timezone=True), nullable=True))
    with op.batch_alter_table('defect') as defect:
        defect.add_column(sa.Column('shape', sa.String(length=64), nullable=True))
        defect.add_column(sa.Column('framed', sa.Boolean(), nullable=True))
        defect.add_column(sa.Column('region', REGION, nullable=True))
        defect.add_column(sa.Column('owner', sa.String(), nullable=True))
        defect.add_column(sa.Column('due_on', sa.Date(), nullable=True))
        defect.add_column(sa.Column('way', sa.String(), nullable=True))
        defect.add_column(sa.Column('merged_into_id', sa.Integer(), nullable=True))
        defect.create_foreign_key(op.f('fk_defect_merged_into_id'), 'defect', ['merged_into_id'], ['id'])
        defect.create_index(op.f('ix_defect_merged_into_id'), ['merged_into_id'])
    op.create_table(
        'occurrence',
        sa.Column('defect_id', sa.Integer(), nullable=False),
        sa.Column('page_id', sa.Integer(), nullable=False),
        sa.Column('places', sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(['defect_id'], ['defect.id'], name=op.f('fk_occurrence_defect_id')),
        sa.ForeignKeyConstraint(['page_id'], ['page.id'], name=op.f('fk_occurrence_page_id')),
        sa.PrimaryKeyConstraint('defect_id', 'page_id', name=op.f('pk_occurrence')),
    )
    op.create_index(op.f('ix_occurrence_page_id'), 'occurrence', ['page_id'])
    op.create_table(
        'look',
        sa.Column('page_id', sa.Integer(), nullable=False),
        sa.Column('result_id', sa.Integer(), nullable=False),
        sa.Column('sweep_id', sa.Integer(), nullable=False),
        sa.Column('at', db.types.Moment(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(['page_id'], ['page.id'], name=op.f('fk_look_page_id')),
        sa.ForeignKeyConstraint(['result_id'], ['result.id'], name=op.f('fk_look_result_id')),
        sa.ForeignKeyConstraint(['sweep_id'], ['sweep.id'], name=op.f('fk_look_sweep_id')),
        sa.PrimaryKeyConstraint('page_id', name=op.f('pk_look')),
    )
