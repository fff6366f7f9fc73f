"""Cycles: sites, the sweep that each is measured from, targets, and what a cycle said when it was closed."""

import sqlalchemy as sa
from alembic import op

import db.types

revision = '0014'
down_revision = '0013'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('cycle') as cycle:
        cycle.add_column(sa.Column('rate', sa.Double(), nullable=True))
        cycle.add_column(sa.Column('defects', sa.Integer(), nullable=True))
        cycle.add_column(sa.Column('target_on', sa.Date(), nullable=True))
        cycle.add_column(sa.Column('closed_by', sa.String(), nullable=True))
        cycle.add_column(sa.Column('closed_at', db.types.Moment(timezone=True), nullable=True))
        cycle.add_column(sa.Column('closing', sa.JSON(), nullable=True))
    op.execute('UPDATE cycle SET target_on = ends_on')
    with op.batch_alter_table('cycle') as cycle:
        cycle.alter_column('target_on', nullable=False)
    op.create_table(
        'cycle_site',
        sa.Column('cycle_id', sa.Integer(), nullable=False),
        sa.Column('site_id', sa.Integer(), nullable=False),
        sa.Column('baseline_id', sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(['cycle_id'], ['cycle.id'], name=op.f('fk_cycle_site_cycle_id')),
        sa.ForeignKeyConstraint(['site_id'], ['site.id'], name=op.f('fk_cycle_site_site_id')),
        sa.ForeignKeyConstraint(['baseline_id'], ['sweep.id'], name=op.f('fk_cycle_site_baseline_id')),
        sa.PrimaryKeyConstraint('cycle_id', 'site_id', name=op.f('pk_cycle_site')),
    )
    op.create_index(op.f('ix_cycle_site_site_id'), 'cycle_site', ['site_id'])
    with op.batch_alter_table('sweep') as sweep:  # nothing has ever been kept there
        sweep.drop_index('ix_sweep_cycle_id')
        sweep.drop_constraint('fk_sweep_cycle_id', type_='foreignkey')
        sweep.drop_column('cycle_id')
