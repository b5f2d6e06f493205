"""What a person sees: the report, the progress line, pictures."""
