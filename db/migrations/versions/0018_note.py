"""Notes of a sweep are rows: a list that is written anew with each of them takes hours when there are many."""

import hashlib
import json

import sqlalchemy as sa
from alembic import op

revision = '0018'
down_revision = '0017'
branch_labels = None
depends_on = None

ABOUT = (
    'blocked', 'carry', 'document', 'host', 'pace', 'redirect', 'rendering', 'sample', 'sitemap', 'traffic', 'unanswered',
    'unsure', 'written',
)  # fmt: skip


def upgrade() -> None:
    note = op.create_table(
        'note',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('sweep_id', sa.Integer(), nullable=False),
        sa.Column(
            'about', sa.Enum(*ABOUT, name='about', native_enum=False, create_constraint=True, length=32), nullable=False
        ),
        sa.Column('address', sa.String(), nullable=False),
        sa.Column('said', sa.String(), nullable=False),
        sa.Column('digest', sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(['sweep_id'], ['sweep.id'], name=op.f('fk_note_sweep_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_note')),
        sa.UniqueConstraint('sweep_id', 'digest', name=op.f('uq_note_sweep_id_digest')),
    )
    _move(note)
    with op.batch_alter_table('sweep') as sweep:
        sweep.drop_column('notes')
    with op.batch_alter_table('visit') as visit:
        visit.add_column(sa.Column('unsure', sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table('visit') as visit:
        visit.alter_column('unsure', server_default=None)


def _move(note: sa.Table) -> None:
    """Put the notes of each sweep into rows, in their order."""
    connection = op.get_bind()
    sweep = sa.table('sweep', sa.column('id', sa.Integer), sa.column('notes', sa.JSON))
    for number in connection.scalars(sa.select(sweep.c.id).order_by(sweep.c.id)).all():
        notes = connection.scalar(sa.select(sweep.c.notes).where(sweep.c.id == number))
        told = dict.fromkeys((each['about'], each['address'], each['said']) for each in notes or ())
        rows = [
            {
                'sweep_id': number,
                'about': about,
                'address': address,
                'said': said,
                'digest': hashlib.sha256(json.dumps([about, address, said]).encode()).hexdigest(),
            }
            for about, address, said in told
        ]
        if rows:
            connection.execute(sa.insert(note), rows)
