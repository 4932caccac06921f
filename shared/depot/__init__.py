"""The depot, the folder that holds everything: names of what is in it, and how its data is replaced."""
