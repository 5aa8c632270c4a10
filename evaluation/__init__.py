"""What the numbers say: agreement, win rates, leaderboards, campaigns of evaluation, reports."""
