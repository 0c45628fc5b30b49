"""The source data set: layout, records, clocks, utterances, segments, drop-in JSON."""
