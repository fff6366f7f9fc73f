"""Defects that people merge and split, and what exceptions of them cover then."""

import sqlalchemy as sa
from alembic import op

import db.types

revision = '0016'
down_revision = '0015'
branch_labels = None
depends_on = None

ACT = sa.Enum('merged', 'taken_back', 'parted', name='act', native_enum=False, create_constraint=True, length=32)


def upgrade() -> None:
    with op.batch_alter_table('defect') as defect:
        defect.add_column(sa.Column('through_id', sa.Integer(), nullable=True))
        defect.add_column(sa.Column('apart', sa.Boolean(), nullable=False, server_default=sa.false()))
        defect.add_column(sa.Column('whole_id', sa.Integer(), nullable=True))
        defect.add_column(sa.Column('patterns', sa.JSON(), nullable=True))
        defect.create_foreign_key(op.f('fk_defect_through_id'), 'defect', ['through_id'], ['id'])
        defect.create_foreign_key(op.f('fk_defect_whole_id'), 'defect', ['whole_id'], ['id'])
        defect.create_index(op.f('ix_defect_whole_id'), ['whole_id'])
    with op.batch_alter_table('defect') as defect:
        defect.alter_column('apart', server_default=None)
    with op.batch_alter_table('exemption') as exemption:
        exemption.add_column(sa.Column('restated', sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table('exemption') as exemption:
        exemption.alter_column('restated', server_default=None)
    op.create_table(
        'part_page',
        sa.Column('defect_id', sa.Integer(), nullable=False),
        sa.Column('page_id', sa.Integer(), nullable=False),
        sa.Column('part_id', sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(['defect_id'], ['defect.id'], name=op.f('fk_part_page_defect_id')),
        sa.ForeignKeyConstraint(['page_id'], ['page.id'], name=op.f('fk_part_page_page_id')),
        sa.ForeignKeyConstraint(['part_id'], ['defect.id'], name=op.f('fk_part_page_part_id')),
        sa.PrimaryKeyConstraint('defect_id', 'page_id', name=op.f('pk_part_page')),
    )
    op.create_index(op.f('ix_part_page_part_id'), 'part_page', ['part_id'])
    op.create_table(
        'regrouping',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('defect_id', sa.Integer(), nullable=False),
        sa.Column('other_id', sa.Integer(), nullable=False),
        sa.Column('act', ACT, nullable=False),
        sa.Column('who', sa.String(), nullable=False),
        sa.Column('why', sa.String(), nullable=False),
        sa.Column('at', db.types.Moment(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(['defect_id'], ['defect.id'], name=op.f('fk_regrouping_defect_id')),
        sa.ForeignKeyConstraint(['other_id'], ['defect.id'], name=op.f('fk_regrouping_other_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_regrouping')),
    )
    op.create_index(op.f('ix_regrouping_defect_id'), 'regrouping', ['defect_id'])
    op.create_index(op.f('ix_regrouping_other_id'), 'regrouping', ['other_id'])
    op.create_table(
        'exempted',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('exemption_id', sa.Integer(), nullable=False),
        sa.Column('defect_id', sa.Integer(), nullable=False),
        sa.Column('page_id', sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(['exemption_id'], ['exemption.id'], name=op.f('fk_exempted_exemption_id')),
        sa.ForeignKeyConstraint(['defect_id'], ['defect.id'], name=op.f('fk_exempted_defect_id')),
        sa.ForeignKeyConstraint(['page_id'], ['page.id'], name=op.f('fk_exempted_page_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_exempted')),
    )
    op.create_index(op.f('ix_exempted_exemption_id'), 'exempted', ['exemption_id'])
    op.create_index(op.f('ix_exempted_defect_id'), 'exempted', ['defect_id'])
