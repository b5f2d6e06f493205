"""Files that a person gives to the program or gets from it: points, models, pictures.

    whole.py        files that are written whole or not at all
    npy.py          arrays in the bytes of .npy files
    text.py         bytes to lines of text, in any encoding
    table.py        lines to rows of cells: separator, quotes, header
    numbers.py      a cell to a number, or the reason why it is not a number
    columns.py      which column is an index, which the label
    checks.py       points that cannot be learned, and outliers
    points.py       a file to points, with all of the above
    points_out.py   points to a file
    store.py        models to files, and back
    clocks.py       models of clocks to files, and back
"""
