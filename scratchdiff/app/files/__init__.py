"""Files that a person gives or gets: points, models, pictures.

    whole.py        written whole or not at all
    npy.py          arrays in the bytes of .npy files
    text.py         bytes to lines of text, whatever the encoding
    table.py        lines to rows of cells: separator, quotes, header
    numbers.py      a cell to a number, or the reason why not
    columns.py      which column is an index, which the label
    checks.py       whether the points can be learned, and outliers
    points.py       all of these: a file to points
    points_out.py   points to a file
    store.py        models
"""
