"""A finished clip as files: the movie, its thumbnail, its sheet of pictures; and what a movie's file shows again."""
