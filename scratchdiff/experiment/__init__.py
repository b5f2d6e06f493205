"""What a run is: a recipe, the data, and the model that learns from them."""
