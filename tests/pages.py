"""What the tests of pictures share: a picture is an SVG file that can be read."""
from xml.etree import ElementTree

from scratchdiff.app.show.svg import text_width

SVG = "{http://www.w3.org/2000/svg}"


def readable(svg):
    """The root of a picture, whose texts and frames are on the page and do not cover each other."""
    root = ElementTree.fromstring(svg)
    assert root.tag == SVG + "svg" and "nan" not in svg and "inf" not in svg
    assert not any(word in svg for word in ("script", "href", "url(", "import"))
    _, _, width, height = map(float, root.get("viewBox").split())
    frames = [frame_box(frame) for frame in root.findall(SVG + "svg")]
    texts = [(text.text, text_box(text), text.get("class") or "")
             for text in root.iter(SVG + "text") if text.get("visibility") != "hidden"]
    for name, (left, top, right, bottom) in [*((name, box) for name, box, _ in texts),
                                             *(("frame", box) for box in frames)]:
        assert 0 < left < right < width and 0 < top < bottom < height, f"{name} is not on the page"
    for i, (name, box, style) in enumerate(texts):
        assert all(apart(box, other) for _, other, _ in texts[:i]), f"{name} covers another text"
        if "halo" in style:
            assert any(within(box, frame) for frame in frames), f"{name} is not inside a frame"
        else:
            assert all(apart(box, frame) for frame in frames), f"{name} covers a frame"
    assert all(apart(a, b) for i, a in enumerate(frames) for b in frames[:i]), "frames overlap"
    return root


def frame_box(frame):
    left, top, width, height = (float(frame.get(name)) for name in ("x", "y", "width", "height"))
    return left, top, left + width, top + height


def text_box(text):
    """Where a line of text is: letters go up by three quarters of their size, and down by one."""
    size = 11 if text.get("class") == "number" else 13
    width = text_width(text.text, size)
    x, y = float(text.get("x")), float(text.get("y"))
    left = x - {"start": 0, "middle": width / 2, "end": width}[text.get("text-anchor", "start")]
    return left, y - 0.75 * size, left + width, y + 0.25 * size


def apart(a, b):
    return a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]


def within(a, b):
    return b[0] <= a[0] and a[2] <= b[2] and b[1] <= a[1] and a[3] <= b[3]


def texts(root):
    """The words of all texts of a picture."""
    return [text.text for text in root.iter(SVG + "text")]
