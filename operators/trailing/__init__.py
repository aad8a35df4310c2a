"""What came of late beside what came before."""
