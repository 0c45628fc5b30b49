"""Annotations that a language model or a person makes: salient joints, drafts of rules, kinds."""
