"""What a person touches: the command line, recipes, reports, files and pictures."""
