"""Projects: folders that remember where their data came from."""
