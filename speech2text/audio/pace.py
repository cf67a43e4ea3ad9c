"""How late sound is heard that comes as it is spoken, and when that is too late."""

from __future__ import annotations

from time import monotonic

LATE_SECONDS = 1.0
"""Then partial texts are spared, until it is less than half."""
_WAITED_SECONDS = 0.05
"""Whoever waited so long for sound, or half as long as it lasts, had heard all there was: so its clock may differ."""


class Pace:
    """Told of all sound that is taken, knows how long ago the last of it came.

    Sound that need not be waited for, as that of a file, is never late unless hearing takes longer than the sound.
    """

    def __init__(self) -> None:
        self._came: float | None = None

    @property
    def late_seconds(self) -> float:
        """Since the last sound that was taken came, where it came as it is spoken."""
        return 0.0 if self._came is None else max(monotonic() - self._came, 0.0)

    def take(self, seconds: float, waited: float) -> None:
        """So many seconds of sound were taken, after so long a wait for them."""
        if self._came is None or waited >= min(_WAITED_SECONDS, seconds / 2):
            self._came = monotonic()
        else:
            self._came += seconds


class Lateness:
    """Whether sound is heard too late.

    behind: it was, when it was looked at last, and that is not made up for yet.
    """

    def __init__(self) -> None:
        self.behind = False

    def look(self, late_seconds: float) -> str | None:
        """Take note of how late it is; what to tell people where that is news."""
        if self.behind:
            self.behind = late_seconds >= LATE_SECONDS / 2
        elif late_seconds > LATE_SECONDS:
            self.behind = True
            return f"{late_seconds:.1f} s behind; words come with the end of their segment until that is made up"
        return None
