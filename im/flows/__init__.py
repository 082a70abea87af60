"""What happens, in order; one file each."""
