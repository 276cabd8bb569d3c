"""From the arrays of a caller to the rows that are trained and validated on."""
