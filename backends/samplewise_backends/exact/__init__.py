"""The mathematics that several backends share, in its accurate form."""
