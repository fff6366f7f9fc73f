"""Since which event of the other a name is known as another defect."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

# What a person merged: the last event before that was said. What a machine did: nobody has kept it; the name's own last event.
SINCE = """
    UPDATE defect SET joined_after = COALESCE(
        (SELECT MAX(event.id) FROM defect_event AS event
         WHERE event.defect_id = COALESCE(defect.through_id, defect.merged_into_id) AND event.at < (
             SELECT MAX(said.at) FROM regrouping AS said
             WHERE said.act = 'merged' AND said.other_id = defect.id
                 AND said.defect_id = COALESCE(defect.through_id, defect.merged_into_id))),
        (SELECT MAX(event.id) FROM defect_event AS event WHERE event.defect_id = defect.id))
    WHERE merged_into_id IS NOT NULL
"""


def upgrade() -> None:
    with op.batch_alter_table("defect") as defect:
        defect.add_column(sa.Column("joined_after", sa.Integer(), nullable=True))
    op.execute(SINCE)
