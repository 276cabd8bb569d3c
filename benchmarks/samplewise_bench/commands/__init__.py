"""Commands that join the command line through the entry-point group `samplewise.commands`."""
