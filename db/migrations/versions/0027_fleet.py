"""Turns at hosts that processes share, and the processes that take part in sweeps."""

import sqlalchemy as sa
from alembic import op

import db.types

revision = "0027"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "host",
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("next_at", db.types.Moment(timezone=True), nullable=True),
        sa.Column("gap", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("host", name=op.f("pk_host")),
    )
    op.create_table(
        "turn",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("until", db.types.Moment(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["host"], ["host.host"], name=op.f("fk_turn_host")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_turn")),
    )
    op.create_index(op.f("ix_turn_host"), "turn", ["host"])
    op.create_table(
        "worker",
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("versions", sa.JSON(), nullable=False),
        sa.Column("started_at", db.types.Moment(timezone=True), nullable=False),
        sa.Column("seen_at", db.types.Moment(timezone=True), nullable=False),
        sa.Column("drain_at", db.types.Moment(timezone=True), nullable=True),
        sa.Column("ended_at", db.types.Moment(timezone=True), nullable=True),
        sa.Column("in_hand", sa.JSON(), nullable=False),
        sa.Column("said", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("owner", name=op.f("pk_worker")),
    )
