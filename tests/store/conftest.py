"""The store is tested on every database it supports."""

from tests.store.databases import database as database
from tests.store.databases import database_url as database_url
from tests.store.databases import postgresql as postgresql
from tests.store.databases import postgresql_url as postgresql_url
