"""Schedules of sweeps, what came of each due time, and which of the sweeps that wait comes first."""

import sqlalchemy as sa
from alembic import op

import db.types
from db.words import Came, Days

revision = '0026'
down_revision = '0025'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('sweep') as sweep:
        sweep.add_column(sa.Column('priority', sa.Integer(), nullable=False, server_default='0'))
    with op.batch_alter_table('sweep') as sweep:
        sweep.alter_column('priority', server_default=None)
    op.create_table(
        'schedule',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('name', sa.String(), nullable=False),
        sa.Column('site_id', sa.Integer(), nullable=True),
        sa.Column('organisation_id', sa.Integer(), nullable=True),
        sa.Column('cron', sa.String(), nullable=False),
        sa.Column('zone', sa.String(), nullable=False),
        sa.Column('days', db.types.word(Days, 'days'), nullable=False),
        sa.Column('plan', sa.JSON(), nullable=False),
        sa.Column('window', sa.String(), nullable=False),
        sa.Column('priority', sa.Integer(), nullable=False),
        sa.Column('counts_from', db.types.Moment(timezone=True), nullable=False),
        sa.Column('created_by', sa.String(), nullable=False),
        sa.Column('created_at', db.types.Moment(timezone=True), nullable=False),
        sa.Column('paused_by', sa.String(), nullable=True),
        sa.Column('paused_at', db.types.Moment(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(['site_id'], ['site.id'], name=op.f('fk_schedule_site_id')),
        sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_schedule_organisation_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_schedule')),
        sa.UniqueConstraint('name', name=op.f('uq_schedule_name')),
    )
    op.create_index(op.f('ix_schedule_site_id'), 'schedule', ['site_id'])
    op.create_index(op.f('ix_schedule_organisation_id'), 'schedule', ['organisation_id'])
    op.create_table(
        'scheduled_run',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('schedule_id', sa.Integer(), nullable=False),
        sa.Column('site_id', sa.Integer(), nullable=True),
        sa.Column('due_at', db.types.Moment(timezone=True), nullable=False),
        sa.Column('missed', sa.Integer(), nullable=False),
        sa.Column('came', db.types.word(Came, 'came'), nullable=True),
        sa.Column('came_at', db.types.Moment(timezone=True), nullable=True),
        sa.Column('sweep_id', sa.Integer(), nullable=True),
        sa.Column('wrong', sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(['schedule_id'], ['schedule.id'], name=op.f('fk_scheduled_run_schedule_id')),
        sa.ForeignKeyConstraint(['site_id'], ['site.id'], name=op.f('fk_scheduled_run_site_id')),
        sa.ForeignKeyConstraint(['sweep_id'], ['sweep.id'], name=op.f('fk_scheduled_run_sweep_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_scheduled_run')),
        sa.UniqueConstraint('schedule_id', 'site_id', 'due_at', name=op.f('uq_scheduled_run_schedule_id_site_id_due_at')),
    )
    op.create_index(op.f('ix_scheduled_run_site_id'), 'scheduled_run', ['site_id'])
    op.create_index(op.f('ix_scheduled_run_sweep_id'), 'scheduled_run', ['sweep_id'])
