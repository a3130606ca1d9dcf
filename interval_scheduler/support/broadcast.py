"""Tells any number of listeners, each of which can leave again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

Message = TypeVar("Message")
Listener = Callable[[Message], object]


class Broadcast(Generic[Message]):
    """A message goes to everybody who has subscribed, in the order in which they did."""

    def __init__(self) -> None:
        #: Those who have subscribed; not to be changed from outside.
        self.listeners: list[Listener[Message]] = []

    def subscribe(self, listener: Listener[Message]) -> Callable[[], None]:
        """Add a listener; it is called at once with each message, and must neither raise nor block.

        Returns:
            A function that takes it off again.
        """
        self.listeners.append(listener)

        def unsubscribe() -> None:
            if listener in self.listeners:
                self.listeners.remove(listener)

        return unsubscribe

    def tell(self, message: Message) -> None:
        """Call all listeners."""
        for listener in tuple(self.listeners):
            listener(message)
