"""Pure statistics on arrays: agreement between raters, win rates, leaderboards. NumPy and SciPy alone, no Django."""
