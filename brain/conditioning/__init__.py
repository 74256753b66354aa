"""What conditions a generation: today the memories that are retrieved for it. It wraps a body and never samples."""
