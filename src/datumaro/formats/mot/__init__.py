"""MOT Challenge and MOTS: objects tracked through the frames of videos."""
