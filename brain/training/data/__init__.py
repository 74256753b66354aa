"""From folders of text to windows of tokens, without torch."""
