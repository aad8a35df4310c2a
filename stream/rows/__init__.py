"""Files of rows as record batches: any of the usual formats, read as a topic is read."""
