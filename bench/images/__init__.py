"""What the gateway and its worker add to a picture, over calling the same pipeline in a process of one's own."""
