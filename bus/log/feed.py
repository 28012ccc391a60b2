"""The hit feed: blocks of a run log over ZeroMQ, by credit, from any place."""

from .client import FeedClient, FeedCounts
from .cursor import Cursor
from .server import FeedServer

__all__ = ["Cursor", "FeedClient", "FeedCounts", "FeedServer"]
