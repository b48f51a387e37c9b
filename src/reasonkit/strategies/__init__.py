"""The methods of the literature as generators, one file each."""
