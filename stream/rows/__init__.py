"""Files of rows as Arrow record batches."""
