"""Settings for answers, kept by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, func, insert, select
from sqlalchemy import delete as delete_from
from sqlalchemy.ext.asyncio import AsyncConnection

from miniclaude.errors import InvalidRequestError
from miniclaude.store.conversations import unix_now
from miniclaude.store.database import Database
from miniclaude.store.ids import new_id, not_found, require_id
from miniclaude.store.tables import presets
from miniclaude.store.text import check_text

MAX_NAME = 80
MAX_PRESETS = 100
"""Of one owner."""


@dataclass(frozen=True, slots=True)
class Preset:
    """settings: as `TurnSettings` has them, without what is left to the model. created_at: Unix
    seconds."""

    id: str
    name: str
    settings: dict[str, Any]
    created_at: float


class Presets:
    """Every method names the owner; a preset of somebody else does not exist."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list(self, owner: str) -> list[Preset]:
        """All of them, by name."""

        async def fetch(connection: AsyncConnection) -> list[Preset]:
            rows = await connection.execute(select(presets).where(presets.c.owner == owner))
            found = [_preset(row) for row in rows]
            return sorted(found, key=lambda preset: (preset.name.casefold(), preset.id))

        return await self._database.read(fetch)

    async def save(self, owner: str, name: str, settings: dict[str, Any]) -> Preset:
        """Keep settings under a name, in place of what it named before. Raises InvalidRequestError
        for a name we cannot store, and when there are too many."""
        name = check_text(name, "name", longest=MAX_NAME).strip()
        if not name:
            raise InvalidRequestError("`name` is empty.", hint="Give it a name.", param="name")
        made = Preset(new_id(), name, settings, unix_now())

        async def change(connection: AsyncConnection) -> None:
            await connection.execute(
                delete_from(presets).where(presets.c.owner == owner, presets.c.name == name)
            )
            count = select(func.count()).select_from(presets).where(presets.c.owner == owner)
            if (await connection.execute(count)).scalar_one() >= MAX_PRESETS:
                raise InvalidRequestError(
                    f"There are {MAX_PRESETS} presets already.",
                    hint="Delete one that is not needed any more.",
                    param="name",
                )
            await connection.execute(
                insert(presets).values(
                    id=made.id,
                    owner=owner,
                    name=name,
                    settings=settings,
                    created_at=made.created_at,
                )
            )

        await self._database.write(change)
        return made

    async def delete(self, owner: str, preset_id: str) -> None:
        """Raises NotFoundError."""
        require_id(preset_id, "preset")

        async def delete(connection: AsyncConnection) -> None:
            done = await connection.execute(
                delete_from(presets).where(presets.c.owner == owner, presets.c.id == preset_id)
            )
            if not done.rowcount:
                raise not_found("preset")

        await self._database.write(delete)


def _preset(row: Row[Any]) -> Preset:
    return Preset(row.id, row.name, row.settings, row.created_at)
