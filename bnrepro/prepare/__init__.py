"""What studies need computed with torch before they are drawn, without a training run."""
