"""How far two histograms on the same slots lie apart: a file for each distance, with its interval and its row."""
