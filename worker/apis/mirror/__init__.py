"""Record APIs as collections: their records in the dialect of collections, under their own rules."""
