"""Lines of text from the bytes of a file, in any encoding and with any line ends."""
import codecs
import io
import re
from itertools import chain

MARKS = ((codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
         (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
         (codecs.BOM_UTF8, "utf-8-sig"))
ZEROS = {                               # which of every four bytes are zero, in a file of digits
    (False, True, False, True): "utf-16-le", (True, False, True, False): "utf-16-be",
    (False, True, True, True): "utf-32-le", (True, True, True, False): "utf-32-be"}
COMMENT = re.compile(                   # not inside quotes, and not a spreadsheet's #N/A
    r'("[^"]*"?)|(?:^|(?<=\s))#(?!N/A|DIV/0!|REF!|VALUE!|NUM!|NAME\?|NULL!).*')
SEPARATOR = re.compile('"?sep=.?"?')    # a first line for Excel
LONGEST = 2 ** 20                       # characters in a line
LARGEST = 10 ** 8                       # bytes in a file


def encoding(head):
    """The encoding of a text file with these first bytes.

    A byte order mark says it. Without a mark, the zero bytes of digits give away UTF-16 and UTF-32.
    """
    for mark, name in MARKS:
        if head.startswith(mark):
            return name
    quarters = (head[k:4096:4] for k in range(4))
    zeros = tuple(2 * quarter.count(0) > len(quarter) for quarter in quarters)
    return ZEROS.get(zeros, "utf-8")


def text_lines(chunks):
    """The lines of a text file as (number, text), without comments and blank lines.

    Line numbers count from 1. `chunks` yields the file's bytes piece by piece, so the whole file is
    never in memory. A byte that is not UTF-8 becomes a surrogate, and `readable` turns the
    surrogate into a letter. ValueError if the bytes are not text.
    """
    chunks = iter(chunks)
    head = next(chunks, b"")
    name = encoding(head)
    errors = "surrogateescape" if name.startswith("utf-8") else "strict"
    decoder = codecs.getincrementaldecoder(name)(errors)
    decoder = io.IncrementalNewlineDecoder(decoder, translate=True)     # CR and CRLF to LF
    number, rest, size = 0, "", 0
    for chunk in chain([head], chunks, [b""]):          # b"" marks the end
        size += len(chunk)
        if size > LARGEST:
            raise ValueError(f"it holds more than {LARGEST // 10 ** 6} MB of text")
        try:
            text = decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError:
            raise ValueError(f"it is not text, or its {name.upper()} is damaged "
                             f"after line {number}") from None
        if "\0" in text:
            raise ValueError("it is not text (it holds zero bytes)")
        if not chunk:
            text += "\n"                # ends the last line
        *lines, rest = (rest + text).split("\n")
        for number, line in enumerate(lines, number + 1):
            if "#" in line:
                line = COMMENT.sub(lambda match: match[1] or "", line)
            if line.strip() and not (number == 1 and SEPARATOR.fullmatch(line)):
                yield number, line
        if len(rest) > LONGEST:
            raise ValueError(f"line {number + 1} has more than {LONGEST} characters")


def readable(word):
    """A word without surplus spaces, decoded as Windows-1252 if its bytes were not UTF-8."""
    if not is_utf8(word):
        word = word.encode("utf-8", "surrogateescape").decode("cp1252", "replace")
    return " ".join(word.split())


def is_utf8(word):
    """Whether the bytes of a word from `text_lines` were UTF-8."""
    return word.isascii() or not any("\udc80" <= sign <= "\udcff" for sign in word)
