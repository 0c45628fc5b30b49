"""What generated text is worth: its facts, judges and the controls of judges."""
