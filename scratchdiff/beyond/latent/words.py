"""The time in words, as people say it: 190 minutes after twelve is "ten past three".

People round to five minutes. So there are only 144 things to say, and eighteen words are enough to
say them. "Ten past three" means any time from 3:07:30 to 3:12:30.
"""
import re

HOURS = "twelve one two three four five six seven eight nine ten eleven".split()
FIVES = ["o'clock", "five", "ten", "quarter", "twenty", "twenty five", "half"]


def say(minutes):
    """Minutes since twelve, any number, in words: say(190) is "ten past three"."""
    hour, fives = divmod(round(minutes / 5) % 144, 12)      # 144: twelve hours of twelve fives
    if fives == 0:
        return f"{HOURS[hour]} o'clock"
    if fives <= 6:
        return f"{FIVES[fives]} past {HOURS[hour]}"
    return f"{FIVES[12 - fives]} to {HOURS[(hour + 1) % 12]}"


PROMPTS = [say(minutes) for minutes in range(0, 720, 5)]        # all that can be said, in order
TIMES = {text: 5 * k for k, text in enumerate(PROMPTS)}


def minutes_of(text):
    """The time that a person wrote, in minutes since twelve: an int from 0 to 719.

    The text is one of PROMPTS, or digits: minutes_of("10:37") is 637. Noon and midnight work too.
    Capitals, hyphens and extra spaces do not matter. Raises ValueError for any other text, with a
    line of examples.
    """
    said = " ".join(text.lower().replace("-", " ").split())
    digits = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", said)
    if digits:
        return (60 * int(digits[1]) + int(digits[2])) % 720
    if said in ("noon", "midnight"):
        said = "twelve o'clock"
    said = re.sub(" (noon|midnight)$", " twelve", said)         # quarter to noon
    if said not in TIMES:
        raise ValueError(f'{text!r} is not a time I know: try "ten past three", "quarter to noon", '
                         '"twenty five to nine", "half past six", "twelve o\'clock" or "10:35"')
    return TIMES[said]
