"""Orders for one chat after the other, as an agent needs them. Standard library only."""


class Turns:
    """``turns`` are for chats that offer tools, one each, the last again and again; ``aside`` is for the others, which
    are what agents ask beside their work, for a title, say.
    """

    def __init__(self, turns=(), aside=None):
        self.left = list(turns)
        self.aside = aside or {}

    def orders_for(self, path, body):
        """The orders of the next chat; none when none were given."""
        if not self.left or path != "/v1/chat/completions":
            return {}
        if not (isinstance(body, dict) and body.get("tools")):
            return self.aside
        return self.left.pop(0) if len(self.left) > 1 else self.left[0]
