"""Charts as inline SVG, made here: a few KB each, in the page's own colours, without a library in the browser.

A library that draws in the browser (plotly.js: 4.5 MB, and styles that a strict content security policy forbids) would
weigh more than all else together; these need no script, print, zoom, and are read out by their titles.

Widths are percentages, so a chart is as wide as its place, while text keeps its size; heights are pixels.
"""
