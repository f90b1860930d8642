"""Where an apply keeps what it changes: a collection beside the live one, which lasts until the apply is finished or undone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from bson.codec_options import CodecOptions
from pymongo import MongoClient
from pymongo.collection import Collection

from engine.mapping.model import Target
from engine.mongo.connection import database_of, translated
from engine.mongo.trees import EXACT


@dataclass
class KeptBeside:
    """What is kept in the collection `name`, empty where nothing is, and how its documents are read."""

    codec: ClassVar[CodecOptions[Any]] = EXACT
    client: MongoClient[Any]
    target: Target
    name: str

    @property
    def live(self) -> Collection[Any]:
        """The target's collection."""
        return self.named(self.target.collection)

    @property
    def before(self) -> Collection[Any]:
        """The collection beside it."""
        return self.named(self.name)

    def named(self, name: str) -> Collection[Any]:
        """A collection of the target's database."""
        return database_of(self.client, self.target.database).get_collection(name, codec_options=self.codec)

    def drop(self) -> None:
        """Nothing of it is needed any more. Raises TargetError."""
        if self.name:
            with translated():
                self.before.drop()
