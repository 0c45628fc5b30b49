"""The source data set: layout, records, frame times, utterances, segments, drop-in JSON."""
