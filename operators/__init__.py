"""One Bytewax step a file: decode, fold, close, slice, ring, measure, judge, alert. No I/O, no clock."""
