"""What any voice model's session is to the rest of the product: commands in, events out."""
