"""Whether what a sweep saw counts, and by what that was judged; what people are told of, and what they were told."""

import sqlalchemy as sa
from alembic import op

import db.types

revision = '0029'
down_revision = '0027'
branch_labels = None
depends_on = None

DONE = (
    'signed_in', 'sign_in_refused', 'signed_out', 'invited', 'password_set', 'account_changed', 'token_made', 'token_ended',
    'site_changed', 'sweep_asked', 'sweep_stopped', 'defect_changed', 'exception_changed', 'cycle_changed', 'judged',
    'declared', 'example_changed', 'sweep_decided', 'notices_changed',
)
TRUST = ('sound', 'suspect', 'accepted', 'rejected')
CHANNELS = ('email', 'hook')
KINDS = ('finished', 'suspect', 'failed', 'defects', 'due', 'digest')


def upgrade() -> None:
    with op.batch_alter_table('sweep') as sweep:
        trust = sa.Enum(*TRUST, name='trust', native_enum=False, create_constraint=True, length=32)
        sweep.add_column(sa.Column('trust', trust, nullable=True))
        sweep.add_column(sa.Column('halted_at', db.types.Moment(timezone=True), nullable=True))
    with op.batch_alter_table('trail') as trail:
        name = op.f('ck_trail_done')
        if op.get_context().dialect.name != 'sqlite':  # there, making the table anew leaves checks behind
            trail.drop_constraint(name, type_='check')
        trail.create_check_constraint(name, sa.column('done').in_(DONE))
    op.create_table(
        'health',
        sa.Column('sweep_id', sa.Integer(), nullable=False),
        sa.Column('against_id', sa.Integer(), nullable=True),
        sa.Column('told', sa.JSON(), nullable=False),
        sa.Column('limits', sa.JSON(), nullable=False),
        sa.Column('doubts', sa.JSON(), nullable=False),
        sa.Column('judged_at', db.types.Moment(timezone=True), nullable=False),
        sa.Column('decided_by', sa.String(), nullable=True),
        sa.Column('why', sa.String(), nullable=True),
        sa.Column('decided_at', db.types.Moment(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(['sweep_id'], ['sweep.id'], name=op.f('fk_health_sweep_id')),
        sa.ForeignKeyConstraint(['against_id'], ['sweep.id'], name=op.f('fk_health_against_id')),
        sa.PrimaryKeyConstraint('sweep_id', name=op.f('pk_health')),
    )
    op.create_table(
        'subscription',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('account_id', sa.Integer(), nullable=True),
        sa.Column('channel', _word('channel', CHANNELS), nullable=False),
        sa.Column('recipient', sa.String(), nullable=True),
        sa.Column('kind', _word('kind', KINDS), nullable=False),
        sa.Column('organisation_id', sa.Integer(), nullable=True),
        sa.Column('site_id', sa.Integer(), nullable=True),
        sa.Column('lang', sa.String(length=2), nullable=False),
        sa.Column('made_by', sa.String(), nullable=False),
        sa.Column('made_at', db.types.Moment(timezone=True), nullable=False),
        sa.Column('ended_at', db.types.Moment(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(['account_id'], ['account.id'], name=op.f('fk_subscription_account_id')),
        sa.ForeignKeyConstraint(
            ['organisation_id'], ['organisation.id'], name=op.f('fk_subscription_organisation_id')
        ),
        sa.ForeignKeyConstraint(['site_id'], ['site.id'], name=op.f('fk_subscription_site_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_subscription')),
    )
    op.create_index(op.f('ix_subscription_account_id'), 'subscription', ['account_id'])
    op.create_table(
        'notice',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('subscription_id', sa.Integer(), nullable=False),
        sa.Column('kind', _word('kind', KINDS), nullable=False),
        sa.Column('about', sa.String(), nullable=False),
        sa.Column('channel', _word('channel', CHANNELS), nullable=False),
        sa.Column('recipient', sa.String(), nullable=False),
        sa.Column('told', sa.JSON(), nullable=False),
        sa.Column('made_at', db.types.Moment(timezone=True), nullable=False),
        sa.Column('due', db.types.Moment(timezone=True), nullable=False),
        sa.Column('tries', sa.Integer(), nullable=False),
        sa.Column('sent_at', db.types.Moment(timezone=True), nullable=True),
        sa.Column('given_up_at', db.types.Moment(timezone=True), nullable=True),
        sa.Column('error', sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ['subscription_id'], ['subscription.id'], name=op.f('fk_notice_subscription_id')
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_notice')),
        sa.UniqueConstraint('kind', 'about', 'channel', 'recipient', name=op.f('uq_notice_kind_about_channel_recipient')),
    )
    op.create_index(op.f('ix_notice_subscription_id'), 'notice', ['subscription_id'])
    waiting = sa.text('sent_at IS NULL AND given_up_at IS NULL')
    op.create_index(op.f('ix_notice_due'), 'notice', ['due'], sqlite_where=waiting, postgresql_where=waiting)


def _word(name: str, words: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=32)
