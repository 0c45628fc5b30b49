"""Language models behind one OpenAI-compatible client: asked, checked, cached and counted."""
