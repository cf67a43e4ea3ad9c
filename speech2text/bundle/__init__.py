"""What is shipped of a trained recogniser: a folder with graphs, pieces and a manifest."""
