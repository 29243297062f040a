"""How numbers, p values, intervals, ticks, colours and heat scales look: once, for the screen, the console, the report.

`numbers` turns values into text, `colours` says which colour a split or a series has on a dark or a light background
and on paper, `axes` places the ticks of a chart, `heat` colours a matrix, and `terminal` draws with the characters of a
terminal. Nothing here knows of blocks, of Textual or of files.
"""
