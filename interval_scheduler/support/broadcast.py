"""Messages to any number of listeners, each of which can leave again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

Message = TypeVar("Message")
Listener = Callable[[Message], object]


class Broadcast(Generic[Message]):
    """A broadcast: each message goes to all listeners that have subscribed, in the order in which they subscribed."""

    def __init__(self) -> None:
        #: The listeners that have subscribed; only this class changes the list.
        self.listeners: list[Listener[Message]] = []

    def subscribe(self, listener: Listener[Message]) -> Callable[[], None]:
        """Add a listener; it is called at once with each message, and must neither raise nor block.

        Returns:
            A function that removes the listener.
        """
        self.listeners.append(listener)

        def unsubscribe() -> None:
            if listener in self.listeners:
                self.listeners.remove(listener)

        return unsubscribe

    def tell(self, message: Message) -> None:
        """Call all listeners with a message."""
        for listener in tuple(self.listeners):
            listener(message)
