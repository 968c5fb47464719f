"""A time of the 12-hour dial in words and in figures."""
from __future__ import annotations

from minimolmo.text.facts import NUMBER_WORDS

ROUND_MINUTES = {5, 10, 20, 25}  # minutes without the word "minutes"


def number_word(number: int) -> str:
    """A number from 0 to 29 in words.

    >>> number_word(7), number_word(20), number_word(23)
    ('seven', 'twenty', 'twenty-three')
    """
    if number < 20:
        return NUMBER_WORDS[number]
    return "twenty" + (f"-{NUMBER_WORDS[number - 20]}" if number > 20 else "")


def in_words(hour: int, minute: int) -> str:
    """The time in words: "past" up to the half hour, then "to". Seconds are left out.

    >>> in_words(10, 0), in_words(10, 9), in_words(2, 45), in_words(12, 59)
    ("ten o'clock", 'nine minutes past ten', 'quarter to three', 'one minute to one')
    """
    if minute == 0:
        return f"{number_word(hour)} o'clock"
    direction, named_hour = ("past", hour) if minute <= 30 else ("to", hour % 12 + 1)
    minutes_away = min(minute, 60 - minute)
    if minutes_away in (15, 30):
        amount = "quarter" if minutes_away == 15 else "half"
    else:
        amount = number_word(minutes_away) + ("" if minutes_away in ROUND_MINUTES else
                                              " minute" if minutes_away == 1 else " minutes")
    return f"{amount} {direction} {number_word(named_hour)}"


def digital_time(hour: int, minute: int) -> str:
    """The time as a digital clock shows it.

    >>> digital_time(9, 5)
    '9:05'
    """
    return f"{hour}:{minute:02}"


def digital_time_with_seconds(hour: int, minute: int, second: int) -> str:
    """The time in figures with seconds.

    >>> digital_time_with_seconds(10, 9, 33)
    '10:09:33'
    """
    return f"{hour}:{minute:02}:{second:02}"


def in_hours_and_minutes(hour: int, minute: int) -> str:
    """The time as hours and minutes, with figures.

    >>> in_hours_and_minutes(10, 9), in_hours_and_minutes(1, 1)
    ('10 hours 9 minutes', '1 hour 1 minute')
    """
    hours, minutes = "hour" if hour == 1 else "hours", "minute" if minute == 1 else "minutes"
    return f"{hour} {hours} {minute} {minutes}"
