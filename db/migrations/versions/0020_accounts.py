"""Accounts, what they may do, their sessions, links and tokens, and the trail of what they did."""

import sqlalchemy as sa
from alembic import op

import db.types

revision = '0020'
down_revision = '0019'
branch_labels = None
depends_on = None

ROLES = ('administrator', 'operator', 'manager', 'web_team', 'judge', 'reader')
DONE = (
    'signed_in', 'sign_in_refused', 'signed_out', 'invited', 'password_set', 'account_changed', 'token_made', 'token_ended',
    'site_changed', 'sweep_asked', 'sweep_stopped', 'defect_changed', 'exception_changed', 'cycle_changed', 'judged',
    'declared', 'example_changed',
)


def upgrade() -> None:
    op.create_table(
        'account',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('name', sa.String(), nullable=False),
        sa.Column('person', sa.String(), nullable=False),
        sa.Column('email', sa.String(), nullable=True),
        sa.Column('password', sa.String(), nullable=True),
        sa.Column('subject', sa.String(), nullable=True),
        sa.Column('closed_at', db.types.Moment(timezone=True), nullable=True),
        sa.Column('created_at', db.types.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_account')),
        sa.UniqueConstraint('name', name=op.f('uq_account_name')),
        sa.UniqueConstraint('subject', name=op.f('uq_account_subject')),
    )
    op.create_table(
        'role_grant',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('account_id', sa.Integer(), nullable=False),
        sa.Column('role', sa.Enum(*ROLES, name='role', native_enum=False, create_constraint=True, length=32), nullable=False),
        sa.Column('organisation_id', sa.Integer(), nullable=True),
        sa.Column('site_id', sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(['account_id'], ['account.id'], name=op.f('fk_role_grant_account_id')),
        sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_role_grant_organisation_id')),
        sa.ForeignKeyConstraint(['site_id'], ['site.id'], name=op.f('fk_role_grant_site_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_role_grant')),
    )
    op.create_index(op.f('ix_role_grant_account_id'), 'role_grant', ['account_id'])
    op.create_table(
        'session',
        sa.Column('digest', sa.String(length=64), nullable=False),
        sa.Column('before', sa.String(length=64), nullable=True),
        sa.Column('account_id', sa.Integer(), nullable=False),
        sa.Column('created_at', db.types.Moment(timezone=True), nullable=False),
        sa.Column('renewed_at', db.types.Moment(timezone=True), nullable=False),
        sa.Column('seen_at', db.types.Moment(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(['account_id'], ['account.id'], name=op.f('fk_session_account_id')),
        sa.PrimaryKeyConstraint('digest', name=op.f('pk_session')),
        sa.UniqueConstraint('before', name=op.f('uq_session_before')),
    )
    op.create_index(op.f('ix_session_account_id'), 'session', ['account_id'])
    op.create_table(
        'invitation',
        sa.Column('digest', sa.String(length=64), nullable=False),
        sa.Column('account_id', sa.Integer(), nullable=False),
        sa.Column('ends_at', db.types.Moment(timezone=True), nullable=False),
        sa.Column('used_at', db.types.Moment(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(['account_id'], ['account.id'], name=op.f('fk_invitation_account_id')),
        sa.PrimaryKeyConstraint('digest', name=op.f('pk_invitation')),
    )
    op.create_index(op.f('ix_invitation_account_id'), 'invitation', ['account_id'])
    op.create_table(
        'token',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('digest', sa.String(length=64), nullable=False),
        sa.Column('account_id', sa.Integer(), nullable=False),
        sa.Column('name', sa.String(), nullable=False),
        sa.Column('scopes', sa.JSON(), nullable=False),
        sa.Column('created_at', db.types.Moment(timezone=True), nullable=False),
        sa.Column('ends_at', db.types.Moment(timezone=True), nullable=False),
        sa.Column('used_at', db.types.Moment(timezone=True), nullable=True),
        sa.Column('ended_at', db.types.Moment(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(['account_id'], ['account.id'], name=op.f('fk_token_account_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_token')),
        sa.UniqueConstraint('digest', name=op.f('uq_token_digest')),
    )
    op.create_index(op.f('ix_token_account_id'), 'token', ['account_id'])
    op.create_table(
        'trail',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('at', db.types.Moment(timezone=True), nullable=False),
        sa.Column('done', sa.Enum(*DONE, name='done', native_enum=False, create_constraint=True, length=32), nullable=False),
        sa.Column('account_id', sa.Integer(), nullable=True),
        sa.Column('who', sa.String(), nullable=False),
        sa.Column('address', sa.String(), nullable=True),
        sa.Column('about', sa.String(), nullable=True),
        sa.Column('details', sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(['account_id'], ['account.id'], name=op.f('fk_trail_account_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_trail')),
    )
    op.create_index(op.f('ix_trail_account_id'), 'trail', ['account_id'])
    op.create_index(op.f('ix_trail_done_at'), 'trail', ['done', 'at'])
