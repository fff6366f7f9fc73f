"""What a later sweep needs to know to leave unchanged pages alone, and which results were carried."""

import sqlalchemy as sa
from alembic import op

import db.types

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'volatile',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('sweep_id', sa.Integer(), nullable=False),
        sa.Column('template', sa.Integer(), nullable=False),
        sa.Column('page_id', sa.Integer(), nullable=False),
        sa.Column('slots', sa.JSON(), nullable=False),
        sa.Column('source', sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(['page_id'], ['page.id'], name=op.f('fk_volatile_page_id')),
        sa.ForeignKeyConstraint(['sweep_id'], ['sweep.id'], name=op.f('fk_volatile_sweep_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_volatile')),
    )
    op.create_index(op.f('ix_volatile_sweep_id'), 'volatile', ['sweep_id'])
    op.create_table(
        'resource',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('sweep_id', sa.Integer(), nullable=False),
        sa.Column('address', sa.String(), nullable=False),
        sa.Column('digest', sa.String(length=64), nullable=True),
        sa.Column('etag', sa.String(), nullable=True),
        sa.Column('last_modified', sa.String(), nullable=True),
        sa.ForeignKeyConstraint(['sweep_id'], ['sweep.id'], name=op.f('fk_resource_sweep_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_resource')),
        sa.UniqueConstraint('sweep_id', 'address', name=op.f('uq_resource_sweep_id_address')),
    )
    with op.batch_alter_table('sweep') as sweep:
        sweep.add_column(sa.Column('reader', sa.Integer(), nullable=False, server_default='0'))
        sweep.add_column(sa.Column('earlier_id', sa.Integer(), nullable=True))
        sweep.add_column(sa.Column('carried_at', db.types.Moment(timezone=True), nullable=True))
        sweep.create_foreign_key(op.f('fk_sweep_earlier_id'), 'sweep', ['earlier_id'], ['id'])
    with op.batch_alter_table('visit') as visit:
        visit.add_column(sa.Column('stable_digest', sa.String(length=64), nullable=True))
        visit.add_column(sa.Column('volatile_id', sa.Integer(), nullable=True))
        visit.add_column(sa.Column('audited_digest', sa.String(length=64), nullable=True))
        visit.add_column(sa.Column('resources', sa.LargeBinary(), nullable=True))
        visit.add_column(sa.Column('carried', sa.Boolean(), nullable=False, server_default=sa.false()))
        visit.add_column(sa.Column('expected_id', sa.Integer(), nullable=True))
        visit.create_foreign_key(op.f('fk_visit_volatile_id'), 'volatile', ['volatile_id'], ['id'])
        visit.create_foreign_key(op.f('fk_visit_expected_id'), 'result', ['expected_id'], ['id'])
    with op.batch_alter_table('sweep') as sweep:  # the defaults were for the rows that there were
        sweep.alter_column('reader', server_default=None)
    with op.batch_alter_table('visit') as visit:
        visit.alter_column('carried', server_default=None)
