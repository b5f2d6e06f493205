"""beyond/latent/words.py: people's words for the time, and back."""
import pytest

from scratchdiff.beyond.latent.words import PROMPTS, minutes_of, say


@pytest.mark.parametrize("text, minutes", [
    ("ten past three", 190), ("five past one", 65), ("twenty five to nine", 515),
    ("half past six", 390), ("quarter to noon", 705), ("twelve o'clock", 0), ("10:35", 635),
    ("half past three", 210), ("noon", 0), ("quarter past midnight", 15), ("five past twelve", 5),
    ("five to one", 55), ("Twenty-five  TO Nine", 515), ("00:00", 0), ("15:07", 187),
    ("9:59", 599)])
def test_what_people_say(text, minutes):
    assert minutes_of(text) == minutes


def test_there_are_144_things_to_say_and_each_is_understood():
    assert len(set(PROMPTS)) == 144
    assert [minutes_of(text) for text in PROMPTS] == list(range(0, 720, 5))
    assert [say(minutes) for minutes in range(0, 720, 5)] == PROMPTS
    assert len({word for text in PROMPTS for word in text.split()}) == 18


@pytest.mark.parametrize("minutes, text", [
    (190, "ten past three"), (187.6, "ten past three"), (192.4, "ten past three"),
    (192.6, "quarter past three"), (637, "twenty five to eleven"), (719, "twelve o'clock"),
    (717, "five to twelve"), (-5, "five to twelve"), (725, "five past twelve")])
def test_people_round_to_five_minutes(minutes, text):
    assert say(minutes) == text


@pytest.mark.parametrize("text", [
    "", "three past ten", "past three", "ten past", "thirty past two", "ten past thirteen", "24:00",
    "10:60", "10:5", "1035", "noon o'clock", "half to six", "ten past three today", "twenty past"])
def test_anything_else_is_answered_with_what_can_be_said(text):
    with pytest.raises(ValueError, match="is not a time I know: try \"ten past three\"") as raised:
        minutes_of(text)
    assert repr(text) in str(raised.value) and "\n" not in str(raised.value)
