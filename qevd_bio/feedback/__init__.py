"""Language: kinds of utterance, cues, contexts, rewriting."""
