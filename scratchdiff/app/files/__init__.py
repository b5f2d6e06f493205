"""Files that a person gives or gets: points, models, pictures. Whole or not at all, and never believed unseen."""
