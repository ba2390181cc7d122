"""The worker's HTTP side: requests to generations, pieces to answers. Engine-independent."""
